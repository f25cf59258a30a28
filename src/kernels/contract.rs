//! What an edited shader must keep to in the place of ours.

use super::{Entry, Sizes};
use crate::gpu::{Adapter, Shader, ShaderError};

/// Compares an edited `shader` with what `adapter` offers, and what it can write with what the `built_in` one would
/// write to buffers of these `bytes`. What it binds is compared where it is bound.
///
/// # Errors
/// [`ShaderError`] with the first difference, and both sides of it.
pub fn check_contract(
    entry: &Entry,
    sizes: &Sizes,
    overrides: &[(String, f64)],
    (shader, built_in): (&Shader, &Shader),
    adapter: &Adapter,
    bytes: impl Fn(&str) -> Option<u64>,
) -> Result<(), ShaderError> {
    shader.check_access(built_in)?;
    shader.check_limits(shader.workgroup(overrides)?, adapter)?;
    let count = |of: &Shader| (entry.invocations)(sizes, &of.interface).map(|count| count as u64);
    shader.check_covers(count(shader)?, (built_in, count(built_in)?), overrides, bytes)
}
