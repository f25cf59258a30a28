//! What a plan needs to know of the shader files.

use std::sync::Arc;

use super::Sizes;
use crate::gpu::{Interface, ShaderError};

/// The interfaces of the shader files, read as they are asked for.
pub trait Interfaces {
    /// The interface of a file, whose array lengths may need sizes.
    ///
    /// # Errors
    /// [`ShaderError`] if the text is not valid with these sizes.
    fn interface(&self, file: &str, sizes: &Sizes) -> Result<Arc<Interface>, ShaderError>;

    /// The files that differ from those of the program.
    fn edited(&self) -> &[&'static str];
}
