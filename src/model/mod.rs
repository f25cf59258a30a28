//! Models in files: safetensors, so that PyTorch and NumPy users read them at once.
//!
//! The tensors are `layers.0.weight` (outputs, inputs), `layers.0.bias` (outputs),
//! `layers.1.weight` and so on, F32, row-major, little-endian. Their values stand in the file in
//! that order, without gaps, and [`weights_sha256`] is the SHA-256 of just those bytes.

mod error;
mod fingerprint;
mod header;
mod load;
mod mismatch;
mod save;

pub use error::ModelError;
pub use fingerprint::weights_sha256;
pub use load::{load, load_with_metadata, parse};
pub use mismatch::excerpt;
pub use save::{check_writable, save, write};

use ndarray::{Array, Dimension};

/// The longest header that is written or read: 65 layers need less than 20 kB of it.
const MAX_HEADER_BYTES: u64 = 1 << 20;

/// The two tensors of a layer.
const WEIGHT: &str = "weight";
const BIAS: &str = "bias";

/// The name of a tensor in the file, such as `layers.0.weight`.
fn tensor_name(layer: usize, tensor: &str) -> String {
    format!("layers.{layer}.{tensor}")
}

/// The first value of a tensor that is NaN or infinite, with its index.
fn first_not_finite<D: Dimension>(tensor: &Array<f32, D>) -> Option<(String, f32)> {
    let (index, value) = tensor.indexed_iter().find(|(_, value)| !value.is_finite())?;
    Some((format!("{index:?}"), *value))
}
