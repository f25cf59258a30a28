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

/// `a[17] is 0.3, expected 0 within 1e-7`
pub fn mismatch_text(buffer: &str, mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Output(Difference::Element { index, found, expected, bound }) => {
            // As f32, which the kernel computes in: no more digits than it has.
            let [found, expected] = [found, expected].map(|&number| short(number as f32));
            let within = if *bound > 0.0 { format!(" within {bound:.1e}") } else { String::new() };
            format!("{buffer}[{index}] is {found}, expected {expected}{within}")
        }
        Mismatch::Output(difference) => format!("{buffer}: {difference}"),
        Mismatch::Input { index } => format!("{buffer}[{index}] is only read and was changed"),
        Mismatch::Beside => format!("a number beside {buffer} was changed"),
    }
}

/// With an exponent where there would be many zeros.
fn short(number: f32) -> String {
    let plain = number == 0.0 || (1e-4..1e9).contains(&number.abs()) || !number.is_finite();
    if plain { format!("{number}") } else { format!("{number:e}") }
}
