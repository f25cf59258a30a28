//! Standard output as a place to write to, and what may be written there.

use std::{borrow::Cow, io};

/// Finds out whether standard output takes results, without writing any: a training is not to be lost for it. A
/// closed pipe is found when something is written.
///
/// # Errors
/// The system's reason.
#[cfg(unix)]
pub fn check_output() -> io::Result<()> {
    use std::{fs::File, io::Write, os::fd::AsFd};

    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Devices such as /dev/full refuse even nothing.
    let _ = output.write(&[])?;
    if output.metadata()?.is_file() {
        let system = rustix::fs::fstatvfs(&output)?;
        let free = if rustix::process::geteuid().is_root() { system.f_bfree } else { system.f_bavail };
        // Some systems count no blocks at all.
        if system.f_blocks > 0 && free == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
    }
    Ok(())
}

/// The same, where nothing can be found out.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check_output() -> io::Result<()> {
    Ok(())
}

/// Text that a terminal shows as it is: control characters, and those that turn the direction of writing, come
/// from names and files and are written as escapes. Lines stay lines.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_hidden) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown.into()
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
}
