//! Sizes of types in memory.

use wgpu::naga::{Module, proc::Layouter};

/// Size and alignment of every type of a module.
///
/// # Errors
/// naga's words, if a type is too large.
pub fn layouts(module: &Module) -> Result<Layouter, String> {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).map_err(|error| error.to_string())?;
    Ok(layouter)
}
