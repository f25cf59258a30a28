//! WGSL as words, numbers and marks, its comments set apart: whatever looks at a text looks at these, so that
//! nothing in a comment has an effect.

use std::ops::Range;

/// A text, lexed.
pub struct Lexed {
    /// The text with every byte of a comment as a space: places and lines are those of the text.
    pub code: String,
    /// In their order.
    pub tokens: Vec<Token>,
    /// Where the line comments are, each from its `//` to the end of its line.
    pub line_comments: Vec<Range<usize>>,
    /// Where a block comment starts that does not end.
    pub open_comment: Option<usize>,
}

/// One word, number or mark of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
}

/// What a token is. A mark is one character, so that `>>` may close two lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    Number,
    Mark,
}

impl Lexed {
    /// Lexes any text, valid or not.
    pub fn of(text: &str) -> Self {
        let Comments { code, lines: line_comments, open } = without_comments(text);
        let tokens = tokens(&code);
        Lexed { code, tokens, line_comments, open_comment: open }
    }

    /// The token of index `at` as text; empty beyond the last one.
    pub fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &self.code[token.start..token.end])
    }

    /// Whether the tokens from `at` on are these, with nothing between them: `++`, `+=`.
    pub fn joined(&self, at: usize, marks: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| self.code[token.start..].starts_with(marks))
    }

    /// Whether the token is this name, and not that of a member after a dot.
    pub fn is_name(&self, at: usize, name: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Word)
            && self.text(at) == name
            && (at == 0 || self.text(at - 1) != ".")
    }

    /// The line of a byte, from 1.
    pub fn line(&self, byte: usize) -> usize {
        1 + self.code[..byte].matches('\n').count()
    }

    /// The last token of each declaration at module scope.
    pub fn declaration_ends(&self) -> impl Iterator<Item = usize> {
        let mut depth = 0usize;
        (0..self.tokens.len()).filter(move |&at| {
            match self.text(at) {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && matches!(self.text(at), ";" | "}")
        })
    }

    /// The token that closes what the token `at` opens: of `open` and `close`.
    pub fn closing(&self, at: usize, open: &str, close: &str) -> Option<usize> {
        let mut depth = 0usize;
        (at..self.tokens.len()).find(|&at| {
            match self.text(at) {
                text if text == open => depth += 1,
                text if text == close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }

    /// The token that opens what the token `at` closes.
    pub fn opening(&self, at: usize, open: &str, close: &str) -> Option<usize> {
        let mut depth = 0usize;
        (0..=at).rev().find(|&at| {
            match self.text(at) {
                text if text == close => depth += 1,
                text if text == open => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })
    }
}

/// A text with its comments as spaces, and where they are.
struct Comments {
    code: String,
    lines: Vec<Range<usize>>,
    open: Option<usize>,
}

/// Block comments may hold others, and `//` in them has no effect.
fn without_comments(text: &str) -> Comments {
    let mut code = String::with_capacity(text.len());
    let mut lines = Vec::new();
    let (mut depth, mut opened, mut rest) = (0usize, 0, text);
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let len = if rest.starts_with("/*") {
            if depth == 0 {
                opened = at;
            }
            depth += 1;
            2
        } else if depth > 0 && rest.starts_with("*/") {
            depth -= 1;
            2
        } else if depth == 0 && rest.starts_with("//") {
            let len = rest.find(ends_line).unwrap_or(rest.len());
            lines.push(at..at + len);
            len
        } else if depth > 0 && !matches!(c, '\n' | '\r') {
            c.len_utf8()
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        code.extend(std::iter::repeat_n(' ', len));
        rest = &rest[len..];
    }
    Comments { code, lines, open: (depth > 0).then_some(opened) }
}

/// The characters that end a line, as the WGSL standard lists them.
fn ends_line(c: char) -> bool {
    matches!(c, '\u{a}'..='\u{d}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = code.char_indices().peekable();
    while let Some((start, c)) = characters.next() {
        if c.is_whitespace() {
            continue;
        }
        let kind = match c {
            _ if c.is_ascii_digit() => Kind::Number,
            _ if is_word(c) => Kind::Word,
            _ => Kind::Mark,
        };
        let mut end = start + c.len_utf8();
        let belongs = |c: char| kind != Kind::Mark && (is_word(c) || (kind == Kind::Number && c == '.'));
        while let Some((at, c)) = characters.next_if(|&(_, c)| belongs(c)) {
            end = at + c.len_utf8();
        }
        tokens.push(Token { kind, start, end });
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let lexed = Lexed::of(text);
        (0..lexed.tokens.len()).map(|at| lexed.text(at).to_owned()).collect()
    }

    #[test]
    fn words_numbers_and_marks_are_told_apart() {
        assert_eq!(texts("a[größe_1] >>= 0x1fu;"), ["a", "[", "größe_1", "]", ">", ">", "=", "0x1fu", ";"]);
        assert_eq!(texts("x.r + 1.5e3 - 2.r"), ["x", ".", "r", "+", "1.5e3", "-", "2.r"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn comments_are_spaces_and_places_hold() {
        let text = "a/* ä { /* } */ // */b // c }\nd /* open\r\n e";
        let lexed = Lexed::of(text);
        assert_eq!(texts(text), ["a", "b", "d"]);
        assert_eq!(lexed.code.len(), text.len());
        assert_eq!(lexed.code.matches('\n').count(), 2);
        assert_eq!(lexed.line_comments.iter().map(|c| &text[c.clone()]).collect::<Vec<_>>(), ["// c }"]);
        for at in 0..3 {
            let token = lexed.tokens[at];
            assert_eq!(&text[token.start..token.end], lexed.text(at));
        }
        assert_eq!(lexed.line(lexed.tokens[2].start), 2);
        assert_eq!(lexed.open_comment, text.find("/* open"));
        assert_eq!(Lexed::of("/* /* */ */").open_comment, None);
    }

    #[test]
    fn every_end_of_a_line_ends_a_comment() {
        for end in ["\n", "\r", "\u{b}", "\u{c}", "\u{85}", "\u{2028}", "\u{2029}"] {
            assert_eq!(texts(&format!("// a{end}b")), ["b"], "{end:?}");
        }
    }

    #[test]
    fn brackets_are_matched() {
        let lexed = Lexed::of("f(a, (b), c) + (d)");
        assert_eq!(lexed.closing(1, "(", ")"), Some(9));
        assert_eq!(lexed.opening(9, "(", ")"), Some(1));
        assert_eq!(Lexed::of("f(a").closing(1, "(", ")"), None);
        assert_eq!(Lexed::of("a)").opening(1, "(", ")"), None);
    }
}
