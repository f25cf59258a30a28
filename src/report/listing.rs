//! Lists on standard output.

use std::io::{self, Stdout, Write, stdout};

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

    fn write(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.0, "{text}")?;
        self.0.flush()
    }
}
