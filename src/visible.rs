//! Text from outside that a terminal shows as it is, and that commands it nothing.

use std::{borrow::Cow, fmt, path::Path};

/// Control characters, and those that turn the direction of writing.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text with its hidden characters as escapes. Lines stay lines.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    let hides = |c: char| is_hidden(c) && c != '\n' && c != '\t';
    if text.contains(hides) { escaped(text, hides).into() } else { text.into() }
}

/// A path in a message: one line, whatever its name has in it.
pub(crate) fn shown(path: &Path) -> impl fmt::Display {
    escaped(&path.to_string_lossy(), is_hidden)
}

fn escaped(text: &str, hides: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_lines_stay() {
        assert_eq!(visible("a\n\tb é 漢"), "a\n\tb é 漢");
        assert_eq!(visible("\u{1b}[31mred\r\u{7}"), "\\u{1b}[31mred\\r\\u{7}");
        assert_eq!(visible("\u{9b}2J\u{202e}gnp"), "\\u{9b}2J\\u{202e}gnp");
    }

    #[test]
    fn a_path_is_one_line() {
        assert_eq!(shown(Path::new("a\nb\tc é \u{1b}")).to_string(), "a\\nb\\tc é \\u{1b}");
    }
}
