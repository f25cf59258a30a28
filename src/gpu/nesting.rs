//! How deep a text goes: parsers, compilers and drivers follow expressions and blocks by calls of their own, and
//! end the process where their stack ends. So a text is bounded before any of them sees it.

use super::lexer::{Kind, Lexed};

/// Most blocks inside one another; each `else if` of a chain is inside the one before it.
const MAX_BLOCKS: usize = 100;
/// Most operators of an expression, one inside another or one after another.
const MAX_OPERATORS: usize = 1_000;
/// Most declarations at module scope: they may depend on one another in a chain.
const MAX_DECLARATIONS: usize = 2_000;

/// The first line of a text that is too deep, and what is too deep there.
pub fn too_deep(lexed: &Lexed) -> Option<(usize, String)> {
    let found = blocks(lexed).or_else(|| expressions(lexed)).or_else(|| declarations(lexed))?;
    Some((lexed.line(lexed.tokens[found.0].start), found.1))
}

/// The token that opens one block too many.
fn blocks(lexed: &Lexed) -> Option<(usize, String)> {
    // For each open block, the `else if`s of the chain that goes on in it.
    let (mut chains, mut chained) = (vec![0usize], 0);
    for at in 0..lexed.tokens.len() {
        match lexed.text(at) {
            "{" => {
                let chain = chains.last_mut()?;
                *chain = chained;
                chains.push(0);
                if chains.iter().sum::<usize>() + chains.len() - 1 > MAX_BLOCKS {
                    return Some((
                        at,
                        format!(
                            "more than {MAX_BLOCKS} blocks inside one another (an `else if` is inside the one before it): use functions, or switch"
                        ),
                    ));
                }
                chained = 0;
            }
            "}" => {
                if chains.len() > 1 {
                    chains.pop();
                }
                // The chain may go on after this block.
                chained = if lexed.text(at + 1) == "else" { *chains.last()? } else { 0 };
                *chains.last_mut()? = 0;
            }
            "else" if lexed.text(at + 1) == "if" => chained += 1,
            _ => {}
        }
    }
    None
}

/// An operator too many: the count of one goes on from that of what it may hold, or be held by.
fn expressions(lexed: &Lexed) -> Option<(usize, String)> {
    let mut counts = Counts::default();
    for at in 0..lexed.tokens.len() {
        counts.take(lexed, at);
        if counts.now > MAX_OPERATORS {
            return Some((
                at,
                format!(
                    "an expression of more than {MAX_OPERATORS} operators: divide it into several `let`s"
                ),
            ));
        }
    }
    None
}

/// Operators so far in a statement.
#[derive(Default)]
struct Counts {
    now: usize,
    /// For each open bracket its mark, the count before it, and the most that one of the items in it had.
    open: Vec<(char, usize, usize)>,
}

impl Counts {
    fn take(&mut self, lexed: &Lexed, at: usize) {
        match lexed.text(at) {
            // A statement ends.
            ";" | "{" | "}" => *self = Counts::default(),
            "(" => self.push('('),
            "[" => self.push('['),
            "<" if at > 0 && takes_a_list(lexed.text(at - 1)) => self.push('<'),
            ")" => self.pop('('),
            "]" => self.pop('['),
            ">" if self.open.last().is_some_and(|open| open.0 == '<') => self.pop('<'),
            "," => {
                if let Some((_, before, most)) = self.open.last_mut() {
                    *most = self.now.max(*most);
                    self.now = *before;
                }
            }
            _ if lexed.tokens[at].kind == Kind::Mark => self.now += 1,
            _ => {}
        }
    }

    fn push(&mut self, mark: char) {
        self.now += 1;
        self.open.push((mark, self.now, self.now));
    }

    /// Closes the last bracket of this mark, and those that were open inside it.
    fn pop(&mut self, mark: char) {
        if let Some(place) = self.open.iter().rposition(|open| open.0 == mark) {
            for (_, _, most) in self.open.drain(place..) {
                self.now = self.now.max(most);
            }
        }
    }
}

/// Whether `<` after this word opens a list of types, and is no comparison.
fn takes_a_list(word: &str) -> bool {
    let vector = |prefix: &str| word.strip_prefix(prefix).is_some_and(|n| matches!(n, "2" | "3" | "4"));
    matches!(word, "array" | "atomic" | "bitcast" | "ptr" | "var") || vector("vec") || word.starts_with("mat")
}

/// The token that ends one declaration too many.
fn declarations(lexed: &Lexed) -> Option<(usize, String)> {
    let last = lexed.declaration_ends().nth(MAX_DECLARATIONS)?;
    Some((last, format!("more than {MAX_DECLARATIONS} declarations at module scope")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(usize, String)> {
        too_deep(&Lexed::of(text))
    }

    fn in_main(statement: &str) -> String {
        format!("fn main() {{\n{statement}\n}}\n")
    }

    #[test]
    fn blocks_and_chains_are_bounded() {
        let blocks = |n: usize| in_main(&format!("{}{}", "{".repeat(n), "}".repeat(n)));
        assert_eq!(of(&blocks(99)), None);
        assert_eq!(of(&blocks(100)).unwrap().0, 2);
        let chain = |n: usize| in_main(&format!("if a {{}}\n{}else {{}}", "else if b { c; }\n".repeat(n)));
        assert_eq!(of(&chain(98)), None);
        assert_eq!(of(&chain(99)).unwrap().0, 101);
        assert_eq!(of(&chain(20_000)).unwrap().0, 101);
        // A chain in the last branch of a chain, and chains one after another.
        let inner = |n: usize| {
            let chain = "else if b {}".repeat(n);
            in_main(&format!("if a {{}} {chain} else if c {{ if b {{}} {chain} }}"))
        };
        assert_eq!(of(&inner(40)), None);
        assert!(of(&inner(60)).is_some());
        assert_eq!(of(&in_main(&"if a {} else if b {}\n".repeat(500))), None);
    }

    #[test]
    fn expressions_are_bounded() {
        for expression in [
            format!("x = 1.0{};", " + y".repeat(20_000)),
            format!("x = {}y;", "- ".repeat(20_000)),
            format!("x = {}y;", "!".repeat(20_000)),
            format!("x = {}y{};", "(".repeat(20_000), ")".repeat(20_000)),
            format!("x = {}y{};", "f(1, ".repeat(20_000), ", 2)".repeat(20_000)),
            format!("x = a{};", "[0]".repeat(20_000)),
            format!("x = a{};", ".b".repeat(20_000)),
            format!("x = f(0{});", " + array<f32, 1>(y)[0]".repeat(20_000)),
            format!("x = f(0{});", " + g(1, 2)".repeat(20_000)),
            format!("var x: {}f32{};", "array<".repeat(20_000), ", 2>".repeat(20_000)),
            format!("x = a{};", " < b".repeat(20_000)),
            format!("x = f(0{}", " + y".repeat(20_000)),
        ] {
            let (line, message) =
                of(&in_main(&expression)).unwrap_or_else(|| panic!("{}", &expression[..40]));
            assert_eq!(line, 2);
            assert!(message.contains("1000 operators"), "{message}");
        }
    }

    #[test]
    fn long_lists_are_no_deep_ones() {
        for fine in [
            format!("x = array<f32, 5000>({});", "1.0 + a, ".repeat(5_000)),
            "x = y + 1.0;".repeat(5_000),
            format!("f({}0);", "vec4<f32>(1.0, -x[0], 2.0, 3.0), ".repeat(3_000)),
            format!("x = 1.0{};", " + y".repeat(900)),
        ] {
            assert_eq!(of(&in_main(&fine)), None, "{}", &fine[..40]);
        }
    }

    #[test]
    fn declarations_are_bounded() {
        assert_eq!(of(&"const A = 1;\n".repeat(2_000)), None);
        assert_eq!(of(&"const A = 1;\n".repeat(2_001)).unwrap().0, 2_001);
    }
}
