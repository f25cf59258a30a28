//! Lists on standard output.

use std::io::{self, IsTerminal, Stdout, Write, stdout};

use crate::visible::visible;

/// Writes lines, and fails if it cannot.
pub struct Listing(Stdout);

impl Default for Listing {
    fn default() -> Self {
        Listing(stdout())
    }
}

impl Listing {
    /// One line.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    /// A name and its value under a line.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn item(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.line(&format!("   {name:<24} {value}"))
    }

    /// One JSON object on a line.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.line(&value.to_string())
    }

    /// Text that may have colours, which only a terminal gets.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn styled(&mut self, text: &clap::builder::StyledStr) -> io::Result<()> {
        let text = if self.0.is_terminal() { text.ansi().to_string() } else { text.to_string() };
        self.0.write_all(text.as_bytes())?;
        self.0.flush()
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{}", visible(text))?;
        self.0.flush()
    }
}
