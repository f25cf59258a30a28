//! The expander: loops marked `// unroll` are unrolled before the driver sees them.
//!
//! A register tile is an array that is only ever indexed by constants; drivers that do not unroll
//! keep it in memory instead, and old Mesa miscounts such loops (see the README's shader notes).
//! So the text is unrolled here, for built-in and edited shaders alike:
//!
//! ```wgsl
//! for (var r = 0u; r < ROWS; r++) { // unroll
//!   sum[r] += x[r] * w;
//! }
//! ```
//!
//! The bound is an expression of constants: numbers, `const`s of the module, sizes that the host
//! appends. Each iteration becomes a block in which the counter is replaced by a number. The first
//! one keeps its lines and the others share the line of the closing brace, so that line numbers in
//! error messages still point into the source.

/// Most iterations of one loop: a larger bound is a mistake that would only exhaust the compiler.
const MAX_ITERATIONS: u32 = 256;
const MARK: &str = "// unroll";

/// What is wrong with a marked loop, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub struct UnrollError {
    /// Line of the source, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Unrolls every marked loop of `source`. `value` evaluates the bound of a loop. The number of lines
/// stays the same.
///
/// # Errors
/// [`UnrollError`] if a marked line is no counted loop, or its bound is not constant.
pub fn unroll(source: &str, mut value: impl FnMut(&str) -> Option<f64>) -> Result<String, UnrollError> {
    unroll_from(source, 1, &mut value)
}

/// An unrolled body may hold marked loops of its own.
fn unroll_from(
    source: &str,
    first_line: usize,
    value: &mut dyn FnMut(&str) -> Option<f64>,
) -> Result<String, UnrollError> {
    let Some(mark) = find_mark(source) else {
        return Ok(source.to_owned());
    };
    let head_start = source[..mark].rfind('\n').map_or(0, |newline| newline + 1);
    let line = first_line + source[..mark].matches('\n').count();
    let fail = |message: String| UnrollError { line, message };
    let (counter, bound) = loop_head(&source[head_start..mark]).map_err(fail)?;
    let iterations = iterations(bound, value(bound)).map_err(fail)?;
    let body_start = mark + MARK.len();
    let body_len = body_length(&source[body_start..])
        .ok_or_else(|| fail("the marked loop has no closing brace".into()))?;
    let body = &source[body_start..body_start + body_len];
    if let Some(word) = ["break", "continue"].into_iter().find(|word| has_word(body, word)) {
        return Err(fail(format!("a loop marked `{MARK}` must not hold `{word}`")));
    }

    let mut text = source[..head_start].to_owned();
    if iterations == 0 {
        text.extend(body.matches('\n'));
    }
    for i in 0..iterations {
        let block = unroll_from(&replace_word(body, counter, &format!("{i}u")), line, value)?;
        text += "{";
        text += &if i == 0 { block } else { on_one_line(&block) };
        text += "}";
    }
    let rest = body_start + body_len + 1;
    let rest_line = first_line + source[..rest].matches('\n').count();
    text += &unroll_from(&source[rest..], rest_line, value)?;
    Ok(text)
}

/// Where a marked loop's mark starts: the mark ends its line and follows an open brace.
fn find_mark(source: &str) -> Option<usize> {
    source.match_indices(MARK).map(|(at, _)| at).find(|&at| {
        let before = source[..at].rsplit('\n').next().unwrap_or("");
        let after = source[at + MARK.len()..].split('\n').next().unwrap_or("");
        before.trim_end().ends_with('{') && after.trim().is_empty()
    })
}

/// Reads `for (var r = 0u; r < ROWS; r++) {` into the counter's name and the bound.
fn loop_head(head: &str) -> Result<(&str, &str), String> {
    let expected =
        || format!("expected `for (var i = 0u; i < BOUND; i++) {{ {MARK}`, found `{}`", head.trim());
    let inner = head.trim().strip_prefix("for (").and_then(|text| text.strip_suffix(") {"));
    let parts: Vec<_> = inner.ok_or_else(expected)?.split(';').map(str::trim).collect();
    let [start, test, step] = parts[..] else { return Err(expected()) };
    let (counter, zero) =
        start.strip_prefix("var ").and_then(|text| text.split_once('=')).ok_or_else(expected)?;
    let (tested, bound) = test.split_once('<').ok_or_else(expected)?;
    let counter = counter.trim();
    if zero.trim() != "0u" || tested.trim() != counter || step != format!("{counter}++") {
        return Err(expected());
    }
    Ok((counter, bound.trim()))
}

/// The number of iterations of a loop up to `bound`, which has this value.
fn iterations(bound: &str, value: Option<f64>) -> Result<u32, String> {
    match value {
        Some(value) if value > f64::from(MAX_ITERATIONS) => {
            Err(format!("the bound `{bound}` of an unrolled loop is {value}, more than {MAX_ITERATIONS}"))
        }
        Some(value) if value >= 0.0 && value.fract() == 0.0 => Ok(value as u32),
        _ => Err(format!(
            "the bound `{bound}` of an unrolled loop is neither a whole number nor an expression of `const`s that is one"
        )),
    }
}

/// Bytes up to the brace that closes the body.
fn body_length(source: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        for (column, byte) in without_comment(line).bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 0 => return Some(at + column),
                b'}' => depth -= 1,
                _ => {}
            }
        }
        at += line.len();
    }
    None
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn on_one_line(text: &str) -> String {
    text.lines().map(|line| without_comment(line).trim()).collect::<Vec<_>>().join(" ")
}

fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where `word` is a word: not inside a longer name, and not a member after a dot.
fn word_at<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(|c| is_word_char(c) || c == '.') && !after.is_some_and(is_word_char)
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.lines().any(|line| word_at(without_comment(line), word).next().is_some())
}

fn replace_word(text: &str, word: &str, by: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for at in word_at(text, word) {
        out += &text[copied..at];
        out += by;
        copied = at + word.len();
    }
    out + &text[copied..]
}

#[cfg(test)]
mod tests {
    use super::{super::constants::Constants, *};

    fn unrolled(source: &str) -> String {
        let mut constants = Constants::of(source);
        unroll(source, |bound| constants.value(bound)).unwrap()
    }

    #[test]
    fn a_marked_loop_is_unrolled_and_lines_hold() {
        let source =
            "const N = 3u;\nfor (var r = 0u; r < N; r++) { // unroll\n  a[r] += r1.r; // r\n}\nend\n";
        let text = unrolled(source);
        assert_eq!(
            text,
            "const N = 3u;\n{\n  a[0u] += r1.r; // 0u\n}{ a[1u] += r1.r;}{ a[2u] += r1.r;}\nend\n"
        );
        assert_eq!(text.lines().count(), source.lines().count());
    }

    #[test]
    fn a_loop_without_iterations_leaves_its_lines() {
        let source = "const N = 0u;\nfor (var r = 0u; r < N; r++) { // unroll\n  a[r] += b;\n}\nend\n";
        assert_eq!(unrolled(source), "const N = 0u;\n\n\n\nend\n");
    }

    #[test]
    fn a_bound_may_be_an_expression_and_hold_the_counter_of_an_outer_loop() {
        let source = "const N = 6u;\nfor (var r = 0u; r < N / 3u; r++) { // unroll\n\
            for (var c = 0u; c < r + 1u; c++) { // unroll\n a[r][c]\n}}\n";
        let text = unrolled(source);
        let found: Vec<_> = text.split("a[").skip(1).map(|rest| &rest[..6]).collect();
        assert_eq!(found, ["0u][0u", "1u][0u", "1u][1u"]);
    }

    #[test]
    fn nested_loops_and_unmarked_loops() {
        let source = "for (var i = 0u; i < k; i++) {\n for (var r = 0u; r < 2u; r++) { // unroll\n  for (var c = 0u; c < 2u; c++) { // unroll\n   s[r][c] = i;\n  }\n }\n}\n";
        let text = unrolled(source);
        assert_eq!(text.lines().count(), source.lines().count());
        for element in ["s[0u][0u]", "s[0u][1u]", "s[1u][0u]", "s[1u][1u]"] {
            assert_eq!(text.matches(element).count(), 1, "{text}");
        }
        assert!(text.starts_with("for (var i = 0u; i < k; i++) {\n"));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |source: &str| {
            let mut constants = Constants::of(source);
            unroll(source, |bound| constants.value(bound)).unwrap_err()
        };
        let open = error("\nfor (var r = 0u; r < 2u; r++) { // unroll\n a[r] = 1;\n");
        assert_eq!((open.line, open.message.as_str()), (2, "the marked loop has no closing brace"));
        assert!(error("for (var r = 0u; r < M; r++) { // unroll\n}").message.contains("`M`"));
        assert!(error("for (var r = 1u; r < 2u; r++) { // unroll\n}").message.contains("expected `for"));
        assert!(error("for (var r = 0u; r < 2u; r += 2u) { // unroll\n}").message.contains("expected `for"));
        assert!(error("while (true) { // unroll\n}").message.contains("expected `for"));
        assert!(error("for (var r = 0u; r < 999u; r++) { // unroll\n}").message.contains("999"));
        assert!(error("for (var r = 0u; r < 2u; r++) { // unroll\n break;\n}").message.contains("break"));
        let nested =
            "for (var r = 0u; r < 2u; r++) { // unroll\n\n for (var c = 0u; c < X; c++) { // unroll\n }\n}";
        assert_eq!(error(nested).line, 3);
    }

    #[test]
    fn text_without_marks_is_untouched() {
        let source = "// unroll is explained here\nlet x = 1; // unroll\n";
        assert_eq!(unrolled(source), source);
    }
}
