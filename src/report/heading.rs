//! What stands above the table of a training: lines of a name and what it is, on 80 columns.

use std::io;

use super::{DataLine, Listing, Plans, Start};

/// Columns that every line fits.
const COLUMNS: usize = 80;
/// Columns of a name.
const NAME: usize = 9;

/// What is known before a driver is loaded.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn plans(listing: &mut Listing, plans: &Plans) -> io::Result<()> {
    let DataLine { train, val, test, classes, rows, cols } = &plans.data;
    let held_out = val.map_or(String::new(), |val| format!("{val} validation and "));
    let data = format!(
        "{train} training, {held_out}{test} test images of {rows} x {cols}, {classes} classes, from {}",
        plans.folder
    );
    item(listing, "network", &plans.network)?;
    item(listing, "data", &data)?;
    item(listing, "recipe", &plans.recipe)
}

/// What the run found.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn found(listing: &mut Listing, start: &Start) -> io::Result<()> {
    let device = &start.device;
    item(
        listing,
        "device",
        &format!("{} ({}, {}), {}", device.name, device.backend, device.kind, device.driver),
    )?;
    item(listing, "plan", start.plan)?;
    item(listing, "sha256", &format!("{} (data)", start.data_sha256))
}

/// A name and its text, which goes on below itself where it is long.
fn item(listing: &mut Listing, name: &str, text: &str) -> io::Result<()> {
    let mut name = name;
    for line in lines(text, COLUMNS - NAME) {
        listing.line(&format!("{name:<NAME$}{line}"))?;
        name = "";
    }
    Ok(())
}

/// The words of a text in lines of at most `width` characters; a longer word is cut.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() {
            if line.chars().count() + 1 + word.len() <= width {
                line.push(' ');
                line.extend(&word);
                continue;
            }
            lines.push(String::new());
        }
        while word.len() > width {
            let rest = word.split_off(width);
            lines.last_mut().expect("there is a line").extend(&word);
            lines.push(String::new());
            word = rest;
        }
        lines.last_mut().expect("there is a line").extend(&word);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_to_the_next_line_and_long_ones_are_cut() {
        assert_eq!(lines("a bc d", 4), ["a bc", "d"]);
        assert_eq!(lines("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(lines("a bcdefg h", 4), ["a", "bcde", "fg h"]);
        assert_eq!(lines("", 4), [""]);
    }
}
