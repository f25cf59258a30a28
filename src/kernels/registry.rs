//! What each kernel is called, where its text is, and how many invocations cover its work.

use super::{
    Sizes,
    cost::{self, Cost},
    fused,
    proof::{self, Case, Random},
    shapes::*,
};
use crate::gpu::{Shader, ShaderError};

/// One kernel. Its name is that of its files, its CPU twin, its pipeline and its test.
pub struct Entry {
    /// `relu` for `shaders/relu.wgsl` and `reference::relu`.
    pub name: &'static str,
    /// The built-in texts: one, or variants for other kinds of adapters, all proven by one twin.
    pub sources: &'static [Source],
    /// The sizes that the array lengths of a file need, for a kernel that cannot do with `override`s.
    pub constants: Option<fn(&str, &Sizes) -> Constants>,
    /// Invocations that cover the work; tile sizes are read from the shader.
    pub invocations: fn(&Sizes, &Shader) -> Result<usize, ShaderError>,
    /// Seeded inputs of given sizes, and what the CPU twin makes of them.
    pub case: fn(Sizes, &mut Random) -> Case,
    /// Sizes to prove it at: 1, primes, around the tiles, more than 65,535 samples.
    pub shapes: fn() -> Vec<Sizes>,
    /// The least that a dispatch has to do.
    pub cost: fn(&Sizes) -> Cost,
}

/// `const` lines of a shader: names and values.
pub type Constants = Vec<(&'static str, u32)>;

/// A text and its file name without `.wgsl`.
pub struct Source {
    /// `relu` for `relu.wgsl`.
    pub name: &'static str,
    /// The WGSL.
    pub text: &'static str,
}

macro_rules! source {
    ($name:expr) => {
        Source { name: $name, text: include_str!(concat!("../../shaders/", $name, ".wgsl")) }
    };
}

/// Makes an entry whose sources are the file of its name, or those listed.
macro_rules! kernel {
    ($name:ident, $shapes:expr, $invocations:expr) => {
        kernel!($name, [stringify!($name)], None, $shapes, $invocations)
    };
    ($name:ident, [$($file:expr),*], $constants:expr, $shapes:expr, $invocations:expr) => {
        Entry {
            name: stringify!($name),
            sources: &[$(source!($file)),*],
            constants: $constants,
            invocations: $invocations,
            case: proof::$name,
            shapes: $shapes,
            cost: cost::$name,
        }
    };
}

/// Every kernel, in the order in which an iteration meets them; then those that measure limits.
pub static REGISTRY: &[Entry] = &[
    kernel!(gather, batch_shapes, |s, _| Ok(s.m * s.k / 16)),
    kernel!(gather_shifted, batch_shapes, |s, shader| Ok(s.m * s.k / 4 / shader.constant("WORDS")?)),
    kernel!(next_step, shapes, |_, _| Ok(1)),
    kernel!(
        matmul_pixels,
        ["matmul_pixels", "matmul_pixels.small_subgroups", "matmul_pixels.tiled"],
        None,
        wide_pixel_shapes,
        |s, shader| tiled(s.m, s.n, s.n / 4, shader)
    ),
    kernel!(matmul, ["matmul", "matmul.small_subgroups", "matmul.tiled"], None, wide_shapes, |s, shader| {
        tiled(s.m, s.n, s.n / 4, shader)
    }),
    kernel!(relu, shapes, quads),
    kernel!(leaky_relu, shapes, quads),
    kernel!(tanh, shapes, quads),
    kernel!(sigmoid, shapes, quads),
    kernel!(gelu, shapes, quads),
    kernel!(softmax_cross_entropy, shapes, |s, _| Ok(s.m)),
    kernel!(count_metrics, count_shapes, |s, shader| tiles(s.m, shader)),
    kernel!(reduce_metrics, flat_shapes, |_, _| Ok(1)),
    kernel!(
        input_gradient,
        ["input_gradient", "input_gradient.small_subgroups", "input_gradient.tiled"],
        None,
        wide_shapes,
        |s, shader| tiled(s.m, s.k, s.k / 4, shader)
    ),
    kernel!(relu_backward, shapes, quads),
    kernel!(leaky_relu_backward, shapes, quads),
    kernel!(tanh_backward, shapes, quads),
    kernel!(sigmoid_backward, shapes, quads),
    kernel!(gelu_backward, shapes, quads),
    kernel!(
        weight_gradient,
        ["weight_gradient", "weight_gradient.small_subgroups", "weight_gradient.tiled"],
        None,
        wide_shapes,
        |s, shader| Ok(s.splits * summed(s.n, s.k, 4, shader)?)
    ),
    kernel!(
        weight_gradient_pixels,
        ["weight_gradient_pixels", "weight_gradient_pixels.small_subgroups", "weight_gradient_pixels.tiled"],
        None,
        wide_pixel_shapes,
        |s, shader| Ok(s.splits * summed(s.n, s.k, 16, shader)?)
    ),
    kernel!(bias_gradient, shapes, |s, _| Ok(s.splits * (s.n / 4))),
    kernel!(reduce_gradient, flat_shapes, flat_quads),
    kernel!(gradient_descent, flat_shapes, flat_quads),
    kernel!(momentum, flat_shapes, flat_quads),
    kernel!(nesterov, flat_shapes, flat_quads),
    kernel!(rmsprop, flat_shapes, flat_quads),
    kernel!(adam, flat_shapes, flat_quads),
    kernel!(adamw, flat_shapes, flat_quads),
    kernel!(
        fused_step,
        ["fused_step.small_subgroups", "fused_step.subgroups", "fused_step.workgroup"],
        Some(fused::constants),
        fused::shapes,
        |s, shader| Ok(s.splits * shader.constant("WORKGROUP")?)
    ),
    kernel!(reduce_update, reduced_shapes, |s, shader| {
        let width = shader.constant("WORKGROUP")?;
        let parts = if s.splits <= shader.constant("FEW")? { 1 } else { shader.constant("PARTS")? };
        Ok((s.n / 4).div_ceil((width / parts).max(1)) * width)
    }),
    kernel!(copy, flat_shapes, flat_quads),
    kernel!(multiply_add, chain_shapes, |s, shader| Ok((s.n / 4).div_ceil(shader.constant("CHAINS")?))),
];

/// The entry of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// Invocations that take four units of a sample each.
fn quads(s: &Sizes, _: &Shader) -> Result<usize, ShaderError> {
    Ok(s.m * s.n / 4)
}

/// Invocations that take four elements of a flat buffer each.
fn flat_quads(s: &Sizes, _: &Shader) -> Result<usize, ShaderError> {
    Ok(s.n / 4)
}

/// Tiles of `ROWS` samples that cover `m`.
fn tiles(m: usize, shader: &Shader) -> Result<usize, ShaderError> {
    Ok(m.div_ceil(shader.constant("ROWS")?))
}

/// Invocations for a product of `m` by `n`. Where a workgroup shares a tile of TILE_M x TILE_N, these
/// tiles are counted, else one invocation's tiles of ROWS samples, in `columns` columns.
fn tiled(m: usize, n: usize, columns: usize, shader: &Shader) -> Result<usize, ShaderError> {
    if !shader.constants.contains_key("TILE_M") {
        return Ok(tiles(m, shader)? * columns);
    }
    let tiles = m.div_ceil(shader.constant("TILE_M")?) * n.div_ceil(shader.constant("TILE_N")?);
    Ok(tiles * shader.constant("WORKGROUP")?)
}

/// Invocations for one split of a product of `n` by `k`: of a workgroup a tile, or of one invocation
/// for 4 units and `inputs` inputs.
fn summed(n: usize, k: usize, inputs: usize, shader: &Shader) -> Result<usize, ShaderError> {
    if shader.constants.contains_key("TILE_M") {
        return tiled(n, k, 0, shader);
    }
    Ok(n / 4 * (k / inputs))
}
