//! What each kernel is called, where its text is, and how many invocations cover its work.

use crate::gpu::{Shader, ShaderError};

/// The sizes of one dispatch, padded as the buffers are. What a kernel does not use is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Samples.
    pub m: usize,
    /// Inputs of the layer: a multiple of 4, of 16 where they are pixels.
    pub k: usize,
    /// Units of the layer, or elements in a flat buffer: a multiple of 4.
    pub n: usize,
    /// Ranges that the samples of a sum are split into.
    pub splits: usize,
}

/// One kernel. Its name is that of its file, its CPU twin, its pipeline and its test.
pub struct Entry {
    /// `relu` for `shaders/relu.wgsl` and `reference::relu`.
    pub name: &'static str,
    /// The built-in text.
    pub source: &'static str,
    /// Invocations that cover the work; tile sizes are read from the shader.
    pub invocations: fn(&Sizes, &Shader) -> Result<usize, ShaderError>,
}

/// Makes an entry whose source is the file of its name.
macro_rules! kernel {
    ($name:ident, $invocations:expr) => {
        Entry {
            name: stringify!($name),
            source: include_str!(concat!("../../shaders/", stringify!($name), ".wgsl")),
            invocations: $invocations,
        }
    };
}

/// Every kernel, in the order in which an iteration meets them.
pub static REGISTRY: &[Entry] = &[
    kernel!(matmul_pixels, |s, shader| Ok(tiles(s.m, shader)? * (s.n / 4))),
    kernel!(matmul, |s, shader| Ok(tiles(s.m, shader)? * (s.n / 4))),
    kernel!(relu, |s, _| Ok(s.m * s.n / 4)),
    kernel!(softmax_cross_entropy, |s, _| Ok(s.m)),
    kernel!(count_metrics, |s, shader| tiles(s.m, shader)),
    kernel!(reduce_metrics, |_, _| Ok(1)),
    kernel!(input_gradient, |s, shader| Ok(tiles(s.m, shader)? * (s.k / 4))),
    kernel!(relu_backward, |s, _| Ok(s.m * s.n / 4)),
    kernel!(weight_gradient, |s, _| Ok(s.splits * (s.n / 4) * (s.k / 4))),
    kernel!(weight_gradient_pixels, |s, _| Ok(s.splits * (s.n / 4) * (s.k / 16))),
    kernel!(bias_gradient, |s, _| Ok(s.splits * (s.n / 4))),
    kernel!(reduce_gradient, |s, _| Ok(s.n / 4)),
    kernel!(gradient_descent, |s, _| Ok(s.n / 4)),
];

/// The entry of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// Tiles of `ROWS` samples that cover `m`.
fn tiles(m: usize, shader: &Shader) -> Result<usize, ShaderError> {
    Ok(m.div_ceil(shader.constant("ROWS")?))
}
