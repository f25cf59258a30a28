//! A loop marked `// unroll`, as its words stand in the text.

use std::ops::Range;

use super::lexer::{Kind, Lexed};

pub const MARK: &str = "// unroll";

/// A marked loop.
#[derive(Debug)]
pub struct Marked<'a> {
    /// The line of its mark, from 1.
    pub line: usize,
    /// The byte of its `for`.
    pub start: usize,
    /// The byte after its closing brace.
    pub end: usize,
    /// The bytes between its mark and its closing brace.
    pub body: Range<usize>,
    /// The name that becomes a number.
    pub counter: &'a str,
    /// The bytes of the expression that the counter stays below.
    pub bound: Range<usize>,
}

/// The marks of a text, each with the token of the brace before it: a mark ends its line and follows a brace. The
/// same words inside a block comment are none.
pub fn marks(source: &str, lexed: &Lexed) -> Vec<(Range<usize>, usize)> {
    let is_mark = |comment: &Range<usize>| source[comment.clone()].trim_end() == MARK;
    let brace = |comment: &Range<usize>| {
        let before = lexed.tokens.partition_point(|token| token.start < comment.start).checked_sub(1)?;
        let same_line = !lexed.code[lexed.tokens[before].end..comment.start].contains('\n');
        (lexed.text(before) == "{" && same_line).then_some(before)
    };
    let marks = lexed.line_comments.iter().filter(|comment| is_mark(comment));
    marks.filter_map(|comment| Some((comment.clone(), brace(comment)?))).collect()
}

/// Reads the loop of a mark; `marked_braces` are those of all marks.
///
/// # Errors
/// What is wrong with it.
pub fn marked<'a>(
    lexed: &'a Lexed,
    mark: Range<usize>,
    brace: usize,
    marked_braces: &[usize],
) -> Result<Marked<'a>, String> {
    let (first, counter, bound) = head(lexed, brace)?;
    let last = lexed.closing(brace, "{", "}").ok_or("the marked loop has no closing brace")?;
    check_bound(lexed, first, bound.clone(), marked_braces)?;
    check_body(lexed, brace + 1..last, counter)?;
    Ok(Marked {
        line: lexed.line(mark.start),
        start: lexed.tokens[first].start,
        end: lexed.tokens[last].end,
        body: mark.end..lexed.tokens[last].start,
        counter,
        bound: lexed.tokens[bound.start].start..lexed.tokens[bound.end - 1].end,
    })
}

/// Reads `for (var r = 0u; r < ROWS; r++) {`: the first token, the counter's name, the tokens of the bound.
fn head(lexed: &Lexed, brace: usize) -> Result<(usize, &str, Range<usize>), String> {
    let line = lexed.code[..lexed.tokens[brace].end].rsplit('\n').next().unwrap_or_default().trim();
    let expected = || format!("expected `for (var i = 0u; i < BOUND; i++) {{ {MARK}`, found `{line}`");
    let paren = brace.checked_sub(1).filter(|&at| lexed.text(at) == ")");
    let open = paren.and_then(|paren| lexed.opening(paren, "(", ")")).filter(|&open| open > 0);
    let first = open.ok_or_else(expected)? - 1;
    let mut at = first;
    let mut next = |expected: &str| -> bool {
        let is_there = lexed.text(at) == expected;
        at += usize::from(is_there);
        is_there
    };
    if !(next("for") && next("(") && next("var")) {
        return Err(expected());
    }
    let name = first + 3;
    let counter = lexed.text(name);
    let is_name = lexed.tokens.get(name).is_some_and(|token| token.kind == Kind::Word);
    let typed = next(counter) && (!next(":") || next("u32"));
    let starts = typed && next("=") && next("0u") && next(";") && next(counter) && next("<");
    if !(is_name && starts) || lexed.text(at) == "=" {
        return Err(expected());
    }
    let semicolon = (at..brace).find(|&at| lexed.text(at) == ";").filter(|&end| end > at);
    let semicolon = semicolon.ok_or_else(expected)?;
    let steps = lexed.text(semicolon + 1) == counter && lexed.joined(semicolon + 2, "++");
    if steps && semicolon + 5 == brace { Ok((first, counter, at..semicolon)) } else { Err(expected()) }
}

/// A name of the bound means the module's `const`: one inside the function would hide it.
fn check_bound(
    lexed: &Lexed,
    first: usize,
    bound: Range<usize>,
    marked_braces: &[usize],
) -> Result<(), String> {
    let names: Vec<_> =
        bound.filter(|&at| lexed.tokens[at].kind == Kind::Word).map(|at| lexed.text(at)).collect();
    let Some(function) = (0..first).rev().find(|&at| lexed.text(at) == "fn") else { return Ok(()) };
    let mut closed = 0usize;
    for at in (function..first).rev() {
        match lexed.text(at) {
            "}" => closed += 1,
            "{" => closed = closed.saturating_sub(1),
            // What is declared in a block that is closed is not seen any more.
            name if closed == 0 && names.contains(&name) && hides(lexed, at, name, first, marked_braces) => {
                return Err(format!(
                    "`{name}` in the bound of an unrolled loop is declared inside the function, and the bound takes \
                     `const`s of the module: give one of the two another name"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether the token declares `name` so that the loop at `first` sees it as other than a number. The counter of
/// a marked loop around it is a number, and that of a loop before it is not seen.
fn hides(lexed: &Lexed, at: usize, name: &str, first: usize, marked_braces: &[usize]) -> bool {
    let counts = at >= 3 && lexed.text(at - 2) == "(" && lexed.text(at - 3) == "for";
    let brace = lexed.closing(at.saturating_sub(2), "(", ")").map(|paren| paren + 1).filter(|_| counts);
    let is_number_or_gone = brace.is_some_and(|brace| {
        marked_braces.contains(&brace) || lexed.closing(brace, "{", "}").is_some_and(|end| end < first)
    });
    is_parameter(lexed, at, name) || (declares(lexed, at, name) && !is_number_or_gone)
}

/// Whether the token is `name` in `let name`, `var<private> name`.
fn declares(lexed: &Lexed, at: usize, name: &str) -> bool {
    if lexed.text(at) != name || at == 0 {
        return false;
    }
    let before = match lexed.text(at - 1) {
        ">" => lexed.opening(at - 1, "<", ">").and_then(|open| open.checked_sub(1)),
        _ => Some(at - 1),
    };
    before.is_some_and(|before| matches!(lexed.text(before), "let" | "var" | "const"))
}

fn is_parameter(lexed: &Lexed, at: usize, name: &str) -> bool {
    lexed.text(at) == name
        && lexed.text(at + 1) == ":"
        && at > 0
        && matches!(lexed.text(at - 1), "(" | "," | ")")
}

/// What a body must not hold, as its iterations become blocks and its counter a number.
fn check_body(lexed: &Lexed, body: Range<usize>, counter: &str) -> Result<(), String> {
    let (mut opened, mut pending) = (Vec::new(), "");
    for at in body {
        match lexed.text(at) {
            keyword @ ("for" | "while" | "loop" | "switch") => pending = keyword,
            "{" => opened.push(std::mem::take(&mut pending)),
            "}" => drop(opened.pop()),
            "break" if opened.iter().all(|inner| inner.is_empty()) => return Err(must_not_hold("break")),
            "continue" if opened.iter().all(|&inner| inner.is_empty() || inner == "switch") => {
                return Err(must_not_hold("continue"));
            }
            _ if declares(lexed, at, counter) => {
                return Err(format!(
                    "`{counter}`, the counter of an unrolled loop, is declared again inside it"
                ));
            }
            _ if lexed.is_name(at, counter) && is_changed(lexed, at) => {
                return Err(format!("a loop marked `{MARK}` must not change its counter `{counter}`"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn must_not_hold(word: &str) -> String {
    format!("a loop marked `{MARK}` must not hold `{word}`")
}

/// Whether the name is assigned to: `= += ++ <<=`, and not `== <= >=`.
fn is_changed(lexed: &Lexed, name: usize) -> bool {
    const CHANGES: [&str; 12] = ["+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"];
    let next = name + 1;
    let assigns = lexed.joined(next, "=") && !lexed.joined(next, "==");
    assigns || CHANGES.iter().any(|change| lexed.joined(next, change))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text's marks are read as: each body, or what is wrong.
    fn found(source: &str) -> Vec<Result<String, String>> {
        let lexed = Lexed::of(source);
        let marks = marks(source, &lexed);
        let braces: Vec<_> = marks.iter().map(|(_, brace)| *brace).collect();
        let read = |(mark, brace)| {
            marked(&lexed, mark, brace, &braces).map(|marked| source[marked.body].trim().to_owned())
        };
        marks.into_iter().map(read).collect()
    }

    fn of_body(body: &str) -> Result<String, String> {
        let [found] = &found(&format!("for (var r = 0u; r < N; r++) {{ // unroll\n{body}\n}}"))[..] else {
            panic!("one mark: {body}")
        };
        found.clone()
    }

    #[test]
    fn marks_in_block_comments_are_none() {
        let text = "/* for (var r = 0u; r < 2u; r++) { // unroll\n} */ { // unroll is a word here\n// { // unroll\n}";
        assert_eq!(found(text), []);
    }

    #[test]
    fn comments_are_allowed_everywhere() {
        let body = "/* } /* for { */ // unroll */ a[r] = 1.0; // } break { r += 1u";
        assert_eq!(of_body(body).as_deref(), Ok(body));
        let text = "for ( /* ( */ var r : u32 = 0u; // r < 9u; {\n r < N /* ; */; r++ ) /* { */ { /* } */ // unroll \n x }";
        assert_eq!(found(text), [Ok("x".to_owned())]);
    }

    #[test]
    fn jumps_out_of_inner_loops_stay_inside() {
        for body in [
            "for (var i = 0u; i < k; i++) { if (x) { break; } continue; }",
            "switch r { case 0u: { break; } default: { } }",
            "loop { continuing { break if x; } }",
            "while (x) { switch y { default: { continue; } } }",
        ] {
            assert!(of_body(body).is_ok(), "{body}");
        }
        for (body, word) in [
            ("if (x) { break; }", "break"),
            ("switch y { default: { continue; } }", "continue"),
            ("for (;;) { break; } continue;", "continue"),
        ] {
            assert_eq!(of_body(body), Err(must_not_hold(word)), "{body}");
        }
    }

    #[test]
    fn the_counter_is_left_alone() {
        for body in ["r += 1u;", "r++;", "r = 2u;", "r <<= 1u;", "let r = 1u;", "var<function> r = 1u;"] {
            assert!(of_body(body).unwrap_err().contains('r'), "{body}");
        }
        for body in
            ["x = r;", "if (r == 1u || r <= 2u || r >= 3u || r != 4u) {}", "s.r = 1u;", "let rr = s.r;"]
        {
            assert!(of_body(body).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_bound_that_a_name_of_the_function_hides_is_refused() {
        let of = |before: &str| {
            let text = format!("fn main{before}\nfor (var r = 0u; r < N; r++) {{ // unroll\n}}\n}}");
            found(&text).pop().expect("one mark")
        };
        for before in [
            "() { const N = 2u;",
            "() { if (x) { let N = 2u;",
            "(a: u32, N: u32) {",
            "() { var<function> N = 2u;",
            "() { for (var N = 0u; N < 4u; N++) {",
        ] {
            assert!(of(before).unwrap_err().contains("`N`"), "{before}");
        }
        for before in [
            "() {",
            "() { { const N = 2u; }",
            "() { return 1; } const N = 3u; fn other() {",
            "() { for (var N = 0u; N < 4u; N++) { }",
            "() { for (var N = 0u; N < 4u; N++) { // unroll",
            "(x: f32) { s.N = 1u;",
        ] {
            assert!(of(before).is_ok(), "{before}");
        }
    }
}
