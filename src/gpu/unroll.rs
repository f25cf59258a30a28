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

use std::ops::Range;

use super::{
    lexer::Lexed,
    marked::{MARK, Marked, marked, marks},
};

/// Most iterations of one loop: a larger bound is a mistake that would only exhaust the compiler.
const MAX_ITERATIONS: u32 = 256;
/// Most iterations of all loops of a kernel.
const MAX_ALL_ITERATIONS: usize = 1 << 16;
/// Most bytes of a kernel's unrolled text.
const MAX_BYTES: usize = 4 << 20;

/// What is wrong with a marked loop, and on which line.
#[derive(Debug, PartialEq, Eq)]
pub struct UnrollError {
    /// Line of the source, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// What the files of a kernel have unrolled to so far. Together they are bounded.
#[derive(Debug, Default)]
pub struct Unrolled {
    bytes: usize,
    iterations: usize,
}

/// Unrolls every marked loop of `source`. `value` evaluates the bound of a loop. The number of lines
/// stays the same.
///
/// # Errors
/// [`UnrollError`] if a marked line is no counted loop, its bound is not constant, or `so_far` becomes too much.
pub fn unroll(
    source: &str,
    lexed: &Lexed,
    so_far: &mut Unrolled,
    value: impl FnMut(&str) -> Option<f64>,
) -> Result<String, UnrollError> {
    let mut loops = Vec::new();
    let marks = marks(source, lexed);
    let braces: Vec<_> = marks.iter().map(|(_, brace)| *brace).collect();
    for (mark, brace) in marks {
        let line = lexed.line(mark.start);
        loops.push(marked(lexed, mark, brace, &braces).map_err(|message| UnrollError { line, message })?);
    }
    let mut expander =
        Expander { source, lexed, loops, so_far, value, counters: Vec::new(), out: String::new() };
    expander.expand(0..source.len(), true)?;
    let out = expander.out;
    so_far.bytes += out.len();
    Ok(out)
}

struct Expander<'a, F> {
    source: &'a str,
    lexed: &'a Lexed,
    /// In the order of their marks, so that a loop comes before those inside it.
    loops: Vec<Marked<'a>>,
    so_far: &'a mut Unrolled,
    value: F,
    /// The counters of the loops around, and their numbers.
    counters: Vec<(&'a str, u32)>,
    out: String,
}

impl<F: FnMut(&str) -> Option<f64>> Expander<'_, F> {
    /// Appends these bytes of the source; without `lines` on one line, and then without comments.
    fn expand(&mut self, bytes: Range<usize>, lines: bool) -> Result<(), UnrollError> {
        let mut at = bytes.start;
        while let Some(next) = self.next_loop(at, bytes.end) {
            let (start, end) = (self.loops[next].start, self.loops[next].end);
            self.copy(at..start, lines);
            self.expand_loop(next, lines)?;
            at = end;
        }
        self.copy(at..bytes.end, lines);
        Ok(())
    }

    /// The first loop that starts in these bytes.
    fn next_loop(&self, start: usize, end: usize) -> Option<usize> {
        let next = self.loops.partition_point(|marked| marked.start < start);
        (next < self.loops.len() && self.loops[next].start < end).then_some(next)
    }

    fn expand_loop(&mut self, at: usize, lines: bool) -> Result<(), UnrollError> {
        let Marked { line, start, counter, .. } = self.loops[at];
        let (body, bound) = (self.loops[at].body.clone(), self.loops[at].bound.clone());
        let fail = |message: String| UnrollError { line, message };
        let bound = self.with_numbers(bound);
        let iterations = iterations(&bound, (self.value)(&bound)).map_err(fail)?;
        if lines {
            self.new_lines(start..body.start);
            if iterations == 0 {
                self.new_lines(body.clone());
            }
        }
        for i in 0..iterations {
            self.counters.push((counter, i));
            self.out.push('{');
            self.expand(body.clone(), lines && i == 0)?;
            self.out.push('}');
            self.counters.pop();
            self.so_far.iterations += 1;
            self.check_bounds().map_err(fail)?;
        }
        Ok(())
    }

    /// Fails once the text is too much.
    fn check_bounds(&self) -> Result<(), String> {
        let Unrolled { bytes, iterations } = *self.so_far;
        if bytes + self.out.len() > MAX_BYTES || iterations > MAX_ALL_ITERATIONS {
            return Err(format!(
                "the loops marked `{MARK}` make more than {MAX_ALL_ITERATIONS} iterations or {} MiB of text: remove the \
                 mark of an outer loop",
                MAX_BYTES >> 20
            ));
        }
        Ok(())
    }

    fn new_lines(&mut self, bytes: Range<usize>) {
        let count = self.source[bytes].matches('\n').count();
        self.out.extend(std::iter::repeat_n('\n', count));
    }

    /// Appends bytes that hold no marked loop.
    fn copy(&mut self, bytes: Range<usize>, lines: bool) {
        let mut copied = bytes.start;
        let tokens = &self.lexed.tokens;
        let first = tokens.partition_point(|token| token.start < bytes.start);
        let last = tokens.partition_point(|token| token.start < bytes.end);
        for (at, token) in tokens.iter().enumerate().take(last).skip(first) {
            let (start, end) = (token.start, token.end);
            if let Some(number) = self.number(at) {
                self.copy_between(copied..start, lines);
                self.out += &format!("{number}u");
                copied = end;
            } else if !lines {
                self.copy_between(copied..start, false);
                self.out += &self.lexed.code[start..end];
                copied = end;
            }
        }
        self.copy_between(copied..bytes.end, lines);
    }

    /// Appends what has no counter in it: as it is, or what is between two tokens as a space.
    fn copy_between(&mut self, bytes: Range<usize>, lines: bool) {
        if lines {
            self.out += &self.source[bytes];
        } else if !bytes.is_empty() {
            self.out.push(' ');
        }
    }

    /// The number that a token stands for, if it is a counter.
    fn number(&self, at: usize) -> Option<u32> {
        let counter = self.counters.iter().rev().find(|(counter, _)| self.lexed.is_name(at, counter));
        counter.map(|&(_, number)| number)
    }

    fn with_numbers(&mut self, bytes: Range<usize>) -> String {
        let out = std::mem::take(&mut self.out);
        self.copy(bytes, false);
        std::mem::replace(&mut self.out, out)
    }
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

#[cfg(test)]
mod tests {
    use super::{super::constants::Constants, *};

    fn unrolled(source: &str) -> String {
        let mut constants = Constants::of(source);
        unroll(source, &Lexed::of(source), &mut Unrolled::default(), |bound| constants.value(bound)).unwrap()
    }

    #[test]
    fn a_marked_loop_is_unrolled_and_lines_hold() {
        let source =
            "const N = 3u;\nfor (var r = 0u; r < N; r++) { // unroll\n  a[r] += r1.r; // r\n}\nend\n";
        let text = unrolled(source);
        assert_eq!(
            text,
            "const N = 3u;\n{\n  a[0u] += r1.r; // r\n}{ a[1u] += r1.r; }{ a[2u] += r1.r; }\nend\n"
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
            unroll(source, &Lexed::of(source), &mut Unrolled::default(), |bound| constants.value(bound))
                .unwrap_err()
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

    #[test]
    fn comments_do_not_end_a_body_and_later_iterations_have_none() {
        let source =
            "for (var r = 0u; r < 2u; r++) { // unroll\n  /* r } */ a[r] = /* { */ 1.0; // r }\n}\nend\n";
        let text = unrolled(source);
        assert_eq!(text, "{\n  /* r } */ a[0u] = /* { */ 1.0; // r }\n}{ a[1u] = 1.0; }\nend\n");
        assert_eq!(
            unrolled("/* for (var r = 0u; r < 2u; r++) { // unroll\n} */"),
            "/* for (var r = 0u; r < 2u; r++) { // unroll\n} */"
        );
    }

    #[test]
    fn what_loops_make_together_is_bounded() {
        let nested = |counts: &[u32], body: &str| {
            let head = |at| format!("for (var c{at} = 0u; c{at} < {}u; c{at}++) {{ // unroll\n", counts[at]);
            let heads: String = (0..counts.len()).map(head).collect();
            let source = format!("\n{heads}{body}{}", "}".repeat(counts.len()));
            unroll(&source, &Lexed::of(&source), &mut Unrolled::default(), |bound| {
                bound.trim_end_matches('u').parse().ok()
            })
        };
        assert!(nested(&[256, 254], "a;").is_ok(), "256 and 256 x 254 iterations");
        for (counts, body) in [
            (&[256, 256, 256][..], "a;"),
            (&[256, 256, 256], ""),
            (&[256; 8], "a;"),
            (&[256, 64], &"a = b + c; ".repeat(30)),
        ] {
            let error = nested(counts, body).unwrap_err();
            assert!((2..=9).contains(&error.line), "{error:?}");
            assert!(error.message.contains("4 MiB"), "{error:?}");
        }
        let mut so_far = Unrolled::default();
        let many = "for (var i = 0u; i < 256u; i++) { // unroll\n}\n".repeat(200);
        let mut go = || unroll(&many, &Lexed::of(&many), &mut so_far, |_| Some(256.0));
        assert!(go().is_ok(), "51,200 iterations");
        assert!(go().is_err(), "the files of a kernel are bounded together");
    }
}
