//! A kernel's text out of its file, the files that are appended to it, and the sizes of the host.
//!
//! They are appended, so that the lines of the kernel's file hold: the module scope of WGSL has no order.

use wgpu::naga::{
    self,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

use super::{
    ShaderError,
    constants::Constants,
    lexer::Lexed,
    unroll,
};

/// The text of a file, and where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// For messages.
    pub path: &'a str,
    /// WGSL.
    pub text: &'a str,
}

/// Names and values of the `const` lines that the host appends.
pub type HostConstants<'a> = &'a [(&'static str, u32)];

/// A parsed and validated text.
pub struct Assembled {
    pub text: String,
    pub module: naga::Module,
    pub info: ModuleInfo,
    pub constants: Constants,
}

/// Joins a kernel's file, the first of `parts`, with those appended to it; unrolls, parses, validates.
///
/// # Errors
/// [`ShaderError::Invalid`], which names the file that is wrong and its line.
pub fn assemble(parts: &[Part], sizes: HostConstants) -> Result<Assembled, ShaderError> {
    if let Some(open) = (0..parts.len()).find(|&at| is_open(parts[at].text)) {
        return Err(unclosed(&first(open, parts), sizes));
    }
    let mut constants = Constants::of(&joined(parts, sizes));
    let unrolled: Vec<String> =
        parts.iter().map(|part| unrolled(part, &mut constants)).collect::<Result<_, _>>()?;
    let texts: Vec<Part> =
        parts.iter().zip(&unrolled).map(|(part, text)| Part { path: part.path, text }).collect();
    let text = joined(&texts, sizes);
    match parse(&text) {
        Ok((module, info)) => Ok(Assembled { text, module, info, constants }),
        Err(fault) => Err(explain(&texts, sizes, &fault, &text)),
    }
}

fn joined(parts: &[Part], sizes: HostConstants) -> String {
    let mut text: String = parts.iter().map(|part| format!("{}\n", part.text.trim_end())).collect();
    text.extend(sizes.iter().map(|(name, value)| format!("const {name} = {value}u;\n")));
    text
}

fn unrolled(part: &Part, constants: &mut Constants) -> Result<String, ShaderError> {
    unroll::unroll(part.text, |bound| constants.value(bound))
        .map_err(|error| invalid(part, format!("{}:{}: {}", part.path, error.line, error.message)))
}

fn invalid(part: &Part, message: String) -> ShaderError {
    ShaderError::Invalid { path: part.path.into(), message }
}

/// What naga finds wrong with a text.
enum Fault {
    Parse(naga::front::wgsl::ParseError),
    Invalid(Box<naga::WithSpan<naga::valid::ValidationError>>),
}

impl Fault {
    fn line(&self, text: &str) -> usize {
        let location = match self {
            Fault::Parse(error) => error.location(text),
            Fault::Invalid(error) => error.location(text),
        };
        location.map_or(0, |location| location.line_number as usize)
    }

    /// naga's words, with line, column and caret.
    fn message(&self, text: &str, path: &str) -> String {
        match self {
            Fault::Parse(error) => error.emit_to_string_with_path(text, path),
            Fault::Invalid(error) => error.emit_to_string_with_path(text, path),
        }
    }
}

fn parse(text: &str) -> Result<(naga::Module, ModuleInfo), Fault> {
    let module = naga::front::wgsl::parse_str(text).map_err(Fault::Parse)?;
    let capabilities = Capabilities::default() | Capabilities::SUBGROUP;
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| Fault::Invalid(Box::new(error)))?;
    Ok((module, info))
}

/// The error of the file that a fault is in. A fault in an appended file is one as well if that file
/// comes first, and then has the lines of that file.
fn explain(parts: &[Part], sizes: HostConstants, fault: &Fault, text: &str) -> ShaderError {
    if fault.line(text) <= lines(&parts[0]) {
        return invalid(&parts[0], fault.message(text, parts[0].path));
    }
    for (at, part) in parts.iter().enumerate().skip(1) {
        let text = joined(&first(at, parts), sizes);
        if let Some(fault) = parse(&text).err().filter(|fault| fault.line(&text) <= lines(part)) {
            return invalid(part, fault.message(&text, part.path));
        }
    }
    invalid(&parts[0], fault.message(text, parts[0].path) + "this is in what is appended to the file")
}

/// The error of the first of `parts`, in which a block is not closed: naga sees it only after its end.
fn unclosed(parts: &[Part], sizes: HostConstants) -> ShaderError {
    let text = joined(parts, sizes);
    let message = parse(&text).err().map(|fault| fault.message(&text, parts[0].path));
    invalid(&parts[0], message.unwrap_or_default() + "a block is not closed: is a `}` missing?")
}

/// `parts`, with that of index `at` before the others.
fn first<'a>(at: usize, parts: &[Part<'a>]) -> Vec<Part<'a>> {
    let mut reordered = parts.to_vec();
    reordered[..=at].rotate_right(1);
    reordered
}

fn lines(part: &Part) -> usize {
    part.text.trim_end().lines().count()
}

/// Whether a block is not closed.
fn is_open(text: &str) -> bool {
    let code = Lexed::of(text).code;
    code.matches('{').count() > code.matches('}').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: Part = Part {
        path: "main.wgsl",
        text: "@group(0) @binding(0) var<storage, read_write> z: array<f32>;\n\
            @compute @workgroup_size(1)\nfn main() { z[0] = first(f32(SIZE)); }\n\n",
    };
    const FIRST: Part = Part {
        path: "first.wgsl",
        text: "// first\nfn first(x: f32) -> f32 {\n  var sum = x;\n  for (var r = 0u; r < SIZE; r++) { // unroll\n\
            sum += second(x);\n  }\n  return sum;\n}\n",
    };
    const SECOND: Part = Part {
        path: "second.wgsl",
        text: "const TWO = 2.0;\nfn second(x: f32) -> f32 {\n  return TWO * x;\n}",
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
            Part { path: part.path, text: part.text.replace(from, to).leak() }
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
            assert_eq!(first_line, format!("{file} is not valid WGSL"), "{error}");
            assert!(error.contains(place), "{place} is not in {error}");
        }
        for open in [main("); }", "); "), first("sum;\n}", "sum;\n")] {
            assert!(open.contains("is a `}` missing"), "{open}");
        }
    }
}
