//! A file of a kernel's text.

use super::ShaderError;

/// The text of a file, and where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// For messages.
    pub path: &'a str,
    /// WGSL.
    pub text: &'a str,
    /// Whether it is the program's own text, which is right.
    pub built_in: bool,
}

/// Names and values of the `const` lines that the host appends.
pub type HostConstants<'a> = &'a [(&'static str, u32)];

impl Part<'_> {
    /// Something that is wrong in one of its lines.
    pub(super) fn error(&self, line: usize, message: &str) -> ShaderError {
        ShaderError::Text { path: format!("{}:{line}", self.path), message: message.into() }
    }
}
