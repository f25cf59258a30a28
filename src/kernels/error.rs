//! What can go wrong when a kernel is checked.

use super::Sizes;
use crate::gpu::{DeviceError, ShaderError};

/// A kernel that is wrong, or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A kernel does not compute what its CPU twin does.
    #[error("{kernel} is wrong at {sizes:?}: buffer `{buffer}`: {difference}")]
    Wrong {
        /// The kernel.
        kernel: &'static str,
        /// The buffer that differs.
        buffer: String,
        /// The sizes of the dispatch.
        sizes: Box<Sizes>,
        /// The first difference.
        difference: String,
    },
    /// The device is gone, or has no room.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The shader does not fit.
    #[error(transparent)]
    Shader(#[from] ShaderError),
}
