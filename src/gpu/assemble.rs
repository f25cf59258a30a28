//! A kernel's text out of its file, the files that are appended to it, and the sizes of the host.
//!
//! They are appended, so that the lines of the kernel's file hold: the module scope of WGSL has no order.

use wgpu::naga::{self, valid::ModuleInfo};

use super::{
    ShaderError,
    constants::Constants,
    fault::{Fault, parse},
    items::{Item, items},
    lexer::Lexed,
    names::check_names,
    nesting::too_deep,
    part::{HostConstants, Part},
    unroll::{Unrolled, unroll},
};

/// A parsed and validated text.
pub struct Assembled {
    pub text: String,
    pub module: naga::Module,
    pub info: ModuleInfo,
    pub constants: Constants,
    /// Its files in their order: where each came from, and how many lines it has.
    pub files: Vec<(String, usize)>,
}

/// Joins a kernel's file, the first of `parts`, with those appended to it; unrolls, parses, validates.
///
/// # Errors
/// [`ShaderError::Invalid`] or [`ShaderError::Text`], which name the file that is wrong and its line.
pub fn assemble(parts: &[Part], sizes: HostConstants) -> Result<Assembled, ShaderError> {
    let lexed: Vec<_> = parts.iter().map(|part| Lexed::of(part.text)).collect();
    for (part, lexed) in parts.iter().zip(&lexed) {
        if let Some(open) = lexed.open_comment {
            let message = "the comment that starts here does not end: is a `*/` missing?";
            return Err(part.error(lexed.line(open), message));
        }
        if let Some((line, message)) = too_deep(lexed) {
            return Err(part.error(line, &message));
        }
    }
    if let Some(open) = lexed.iter().position(is_open) {
        return Err(unclosed(&first(open, parts), sizes));
    }
    let declared: Vec<_> = lexed.iter().map(items).collect();
    check_names(parts, &declared, sizes)?;
    let mut constants = Constants::new(declared.into_iter().flatten().chain(sizes.iter().map(item_of)));
    let mut so_far = Unrolled::default();
    let unrolled: Result<Vec<String>, _> = parts
        .iter()
        .zip(&lexed)
        .map(|(part, lexed)| unrolled(part, lexed, &mut so_far, &mut constants))
        .collect();
    let unrolled = unrolled.map_err(|error| {
        // What is wrong before the marks count, such as a `const` in a bound, comes first.
        let text = joined(parts, sizes);
        parse(&text).err().map_or(error, |fault| explain(parts, sizes, &fault, &text))
    })?;
    let texts: Vec<Part> = parts.iter().zip(&unrolled).map(|(part, text)| Part { text, ..*part }).collect();
    let text = joined(&texts, sizes);
    match parse(&text) {
        Ok((module, info)) => {
            let files = texts.iter().map(|part| (part.path.to_owned(), lines(part))).collect();
            Ok(Assembled { text, module, info, constants, files })
        }
        Err(fault) => Err(explain(&texts, sizes, &fault, &text)),
    }
}

fn joined(parts: &[Part], sizes: HostConstants) -> String {
    let mut text: String = parts.iter().map(|part| format!("{}\n", part.text.trim_end())).collect();
    text.extend(sizes.iter().map(|size| item_of(size).text + "\n"));
    text
}

/// The declaration of a size.
fn item_of((name, value): &(&'static str, u32)) -> Item {
    let text = format!("const {name} = {value}u;");
    Item { keyword: "const".into(), name: (*name).into(), line: 0, text }
}

fn unrolled(
    part: &Part,
    lexed: &Lexed,
    so_far: &mut Unrolled,
    constants: &mut Constants,
) -> Result<String, ShaderError> {
    unroll(part.text, lexed, so_far, |bound| constants.value(bound))
        .map_err(|error| part.error(error.line, &error.message))
}

fn invalid(part: &Part, message: String) -> ShaderError {
    ShaderError::Invalid { path: part.path.into(), message }
}

/// The error of the file that a fault is in. A fault in an appended file is one as well if that file
/// comes first, and then has the lines of that file.
fn explain(parts: &[Part], sizes: HostConstants, fault: &Fault, text: &str) -> ShaderError {
    let files: Vec<_> = parts.iter().map(|part| (part.path, lines(part))).collect();
    let (at, _) = place(&files, fault.line(text)).unwrap_or((0, 0));
    let own_text = joined(&first(at, parts), sizes);
    let own = parse(&own_text).err().filter(|own| own.last_line(&own_text) <= lines(&parts[at]));
    let message = match own {
        Some(own) => own.message(&own_text, parts[at].path),
        // Some of what naga points to is in another file.
        None => fault.message_by_lines(text, |line| match place(&files, line) {
            Some((at, line)) => format!("{}:{line}", files[at].0),
            None => "in what the program appends".into(),
        }),
    };
    match parts.iter().find(|part| !part.built_in) {
        // The program's own files are right with one another.
        Some(edited) if parts[at].built_in => invalid(
            edited,
            format!("{} is compiled with it, and is not valid then:\n{message}", parts[at].path),
        ),
        _ => invalid(&parts[at], message),
    }
}

/// Which of `files`, with as many lines each, a line of the joined text is in, and which line of that file it is.
pub fn place<P>(files: &[(P, usize)], line: usize) -> Option<(usize, usize)> {
    let mut before = 0;
    for (at, (_, lines)) in files.iter().enumerate() {
        if line <= before + lines {
            return Some((at, line - before));
        }
        before += lines;
    }
    None
}

/// The error of the first of `parts`, in which a block is not closed: naga sees it only after its end.
fn unclosed(parts: &[Part], sizes: HostConstants) -> ShaderError {
    let text = joined(parts, sizes);
    let own = parse(&text).err().filter(|fault| fault.last_line(&text) <= lines(&parts[0]));
    let message = own.map(|fault| fault.message(&text, parts[0].path)).unwrap_or_default();
    invalid(&parts[0], message + "a block is not closed: is a `}` missing?")
}

/// `parts`, with that of index `at` before the others.
fn first<'a>(at: usize, parts: &[Part<'a>]) -> Vec<Part<'a>> {
    let mut reordered = parts.to_vec();
    reordered[..=at].rotate_right(1);
    reordered
}

fn lines(part: &Part) -> usize {
    part.text.trim_end().matches('\n').count() + 1
}

/// Whether a block is not closed.
fn is_open(lexed: &Lexed) -> bool {
    let count = |mark: char| lexed.code.matches(mark).count();
    count('{') > count('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: Part = Part {
        path: "main.wgsl",
        text: "@group(0) @binding(0) var<storage, read_write> z: array<f32>;\n\
            @compute @workgroup_size(1)\nfn main() { z[0] = first(f32(SIZE)); }\n\n",
        built_in: false,
    };
    const FIRST: Part = Part {
        path: "first.wgsl",
        text: "// first\nfn first(x: f32) -> f32 {\n  var sum = x;\n  for (var r = 0u; r < SIZE; r++) { // unroll\n\
            sum += second(x);\n  }\n  return sum;\n}\n",
        built_in: false,
    };
    const SECOND: Part = Part {
        path: "second.wgsl",
        text: "const TWO = 2.0;\nfn second(x: f32) -> f32 {\n  return TWO * x;\n}",
        built_in: false,
    };

    fn error(parts: [Part; 3]) -> String {
        let found = assemble(&parts, &[("SIZE", 2)]).map(|_| ());
        found.unwrap_err().to_string()
    }

    #[test]
    fn appended_files_are_unrolled_with_the_constants_of_all() {
        let assembled = assemble(&[MAIN, FIRST, SECOND], &[("SIZE", 2)]).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(assembled.text.matches("sum += second(x)").count(), 2);
    }

    #[test]
    fn a_mistake_is_one_of_the_file_and_line_that_it_is_in() {
        let changed = |part: Part<'static>, from: &str, to: &str| {
            assert!(part.text.contains(from));
            Part { text: part.text.replace(from, to).leak(), ..part }
        };
        let main = |from, to| error([changed(MAIN, from, to), FIRST, SECOND]);
        let first = |from, to| error([MAIN, changed(FIRST, from, to), SECOND]);
        let second = |from, to| error([MAIN, FIRST, changed(SECOND, from, to)]);
        for (error, place) in [
            (main("z[0]", "y[0]"), "main.wgsl:3:"),
            (main("); }", "); "), "main.wgsl"),
            (first("return sum", "return sums"), "first.wgsl:7:"),
            (first("= x", "= vec2f(x)"), "first.wgsl:2:"),
            (first("< SIZE", "< LEN"), "first.wgsl:4:"),
            (first("sum;\n}", "sum;\n"), "first.wgsl"),
            (second("TWO *", "TWO +*"), "second.wgsl:3:"),
            (second("= 2.0", "= true"), "second.wgsl:2:"),
        ] {
            let first_line = error.lines().next().unwrap();
            let file = place.split(':').next().unwrap();
            let of_unrolling = format!("{place} the bound");
            let starts = [format!("{file} is not valid WGSL"), of_unrolling];
            assert!(starts.iter().any(|start| first_line.starts_with(start)), "{error}");
            assert!(error.contains(place), "{place} is not in {error}");
        }
        for open in [main("); }", "); "), first("sum;\n}", "sum;\n")] {
            assert!(open.contains("is a `}` missing"), "{open}");
        }
    }

    #[test]
    fn a_wrong_constant_is_to_blame_and_not_a_loop_that_it_bounds() {
        for (constant, line) in [("const N = 2u", 3), ("const N = eight;", 1), ("const N: f32 = 2u;", 1)] {
            let text = format!(
                "{constant}\n// between\n@compute @workgroup_size(1)\nfn main() {{\n\
                 for (var r = 0u; r < N; r++) {{ // unroll\n}} }}"
            );
            let message = error([Part { text: &text, ..MAIN }, FIRST, SECOND]);
            assert!(message.starts_with("main.wgsl is not valid WGSL"), "{message}");
            assert!(message.contains(&format!("main.wgsl:{line}:")), "{message}");
        }
        let open = MAIN.text.replace("main() {", "main() { for (var r = 0u; r < k; r++) { // unroll\n}")
            + "override k: u32;";
        let message = error([Part { text: &open, ..MAIN }, FIRST, SECOND]);
        assert!(message.starts_with("main.wgsl:3: the bound `k`"), "{message}");
    }

    #[test]
    fn a_name_that_two_files_define_is_to_be_renamed_in_the_edited_one() {
        let with =
            |part: Part<'static>, more: &str| Part { text: format!("{}\n{more}", part.text).leak(), ..part };
        let ours = |part: Part<'static>| Part { built_in: true, ..part };
        let said = |parts: [Part<'static>; 3]| error(parts);
        assert_eq!(
            said([with(MAIN, "const TWO = 3.0;"), FIRST, ours(SECOND)]),
            "main.wgsl:6: `TWO` is already defined in second.wgsl: rename yours"
        );
        assert_eq!(
            said([ours(MAIN), ours(FIRST), with(SECOND, "fn first() {}")]),
            "second.wgsl:5: `first` is already defined in first.wgsl: rename yours"
        );
        assert_eq!(
            said([MAIN, with(FIRST, "override SIZE: u32;"), SECOND]),
            "first.wgsl:10: `SIZE` is already defined by the program: rename yours"
        );
        let hidden = "fn other() { const TWO = 1; let first = 2; } // const SIZE = 3;";
        assert!(assemble(&[with(MAIN, hidden), FIRST, SECOND], &[("SIZE", 2)]).is_ok());
    }

    #[test]
    fn the_edited_file_is_to_blame_where_the_program_s_own_does_not_fit_it() {
        let ours = |part: Part<'static>| Part { built_in: true, ..part };
        let second = Part { text: "const TWO = 2.0;", ..SECOND };
        let message = error([ours(MAIN), ours(FIRST), second]);
        assert!(
            message.starts_with("second.wgsl is not valid WGSL\nfirst.wgsl is compiled with it"),
            "{message}"
        );
        assert!(message.contains("first.wgsl:5:"), "{message}");
    }

    #[test]
    fn no_message_shows_a_line_that_its_file_does_not_have() {
        for text in [
            MAIN.text.replace("first(f32(SIZE))", "first(1.0, 2.0)"),
            MAIN.text.replace("first(f32(SIZE))", "first(vec2f(1.0))"),
            MAIN.text.replace("main()", "second()") + "const TWO = 1;",
            MAIN.text.to_owned() + "fn second(x: f32) -> f32 { return first(x); }",
            MAIN.text.to_owned() + "fn third() { let x: SIZE = 1u; }",
            MAIN.text.to_owned() + "fn third() { SIZE = 1u; TWO = 2.0; }",
            MAIN.text.to_owned() + "alias third = first;",
        ] {
            let parts = [Part { text: &text, ..MAIN }, FIRST, SECOND];
            let message = error(parts);
            let mut places = 0;
            for part in parts {
                let path = format!("{}:", part.path);
                let of_file = message.split(&path).skip(1);
                for number in
                    of_file.filter_map(|rest| rest.split([':', ' ', '\n']).next()?.parse::<usize>().ok())
                {
                    assert!((1..=part.text.lines().count()).contains(&number), "{message}");
                    places += 1;
                }
            }
            assert!(places > 0, "{message}");
            let quoted = message.lines().filter_map(|line| line.split_once(" │"));
            for number in quoted.filter_map(|(number, _)| number.trim().parse::<usize>().ok()) {
                assert!(number <= text.lines().count(), "{message}");
            }
        }
    }
}
