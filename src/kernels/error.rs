//! What can go wrong when a kernel is checked.

use super::Sizes;
use crate::{
    compare::Difference,
    gpu::{DeviceError, ShaderError},
};

/// A kernel that is wrong, or cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A kernel does not compute what its CPU twin does.
    #[error("{kernel} is wrong at {sizes}: buffer `{buffer}`: {mismatch}")]
    Wrong {
        /// The kernel.
        kernel: &'static str,
        /// The buffer that differs.
        buffer: String,
        /// The sizes of the dispatch.
        sizes: Box<Sizes>,
        /// The first difference.
        mismatch: Mismatch,
    },
    /// The comparison passes without the kernel: a fault of its case.
    #[error("{kernel} at {sizes}: its case passes without the kernel, and so says nothing of it")]
    Blind {
        /// The kernel.
        kernel: &'static str,
        /// The sizes of the dispatch.
        sizes: Box<Sizes>,
    },
    /// The device is gone, or has no room.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The shader does not fit.
    #[error(transparent)]
    Shader(#[from] ShaderError),
}

/// How a buffer differs after a dispatch.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// An output is not what the twin computes.
    #[error(transparent)]
    Output(#[from] Difference),
    /// A buffer that is only read was written.
    #[error("element {index} of this input was changed")]
    Input {
        /// The first element.
        index: usize,
    },
    /// A write went beside the buffer.
    #[error("a word beside the buffer was changed")]
    Beside,
}
