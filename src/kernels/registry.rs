//! What each kernel is called, where its text is, and how many invocations cover its work.

use super::{
    cost::{self, Cost},
    fused,
    proof::{self, Case, Random},
};
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
    /// Outputs of the last layer that are no padding.
    pub classes: usize,
    /// Lanes that a kernel for subgroups is written for.
    pub lanes: usize,
}

impl Sizes {
    /// A value for each override of `shader` that the host knows.
    pub fn overrides(&self, shader: &Shader, alpha: f64, counter: usize) -> Vec<(String, f64)> {
        let known = [
            ("k", self.k as f64),
            ("n", self.n as f64),
            ("splits", self.splits as f64),
            ("samples", self.m as f64),
            ("classes", self.classes as f64),
            ("counter", counter as f64),
            ("alpha", alpha),
        ];
        let value = |name: &String| known.iter().find(|(known, _)| known == name).map(|&(_, value)| value);
        shader.overrides.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }
}

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
    kernel!(relu, shapes, |s, _| Ok(s.m * s.n / 4)),
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
    kernel!(relu_backward, shapes, |s, _| Ok(s.m * s.n / 4)),
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
    kernel!(reduce_gradient, flat_shapes, |s, _| Ok(s.n / 4)),
    kernel!(gradient_descent, flat_shapes, |s, _| Ok(s.n / 4)),
    kernel!(
        fused_step,
        ["fused_step.small_subgroups", "fused_step.subgroups", "fused_step.workgroup"],
        Some(fused::constants),
        fused::shapes,
        |s, shader| Ok(s.splits * shader.constant("WORKGROUP")?)
    ),
    kernel!(reduce_update, flat_shapes, |s, _| Ok(s.n / 4)),
    kernel!(copy, flat_shapes, |s, _| Ok(s.n / 4)),
    kernel!(multiply_add, chain_shapes, |s, shader| Ok((s.n / 4).div_ceil(shader.constant("CHAINS")?))),
];

/// The entry of this name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
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

/// Samples, inputs, units, splits.
const SHAPES: [(usize, usize, usize, usize); 14] = [
    (1, 4, 4, 1),
    (2, 8, 12, 1),
    (7, 12, 12, 2),
    (8, 12, 8, 3),
    (9, 20, 28, 4),
    (31, 4, 44, 5),
    (64, 64, 16, 1),
    (65, 100, 4, 7),
    (257, 36, 12, 13),
    (511, 12, 12, 2),
    (1_009, 28, 20, 6),
    (4_096, 12, 12, 16),
    (70_001, 4, 4, 2),
    (70_001, 12, 12, 100),
];

/// More of them for kernels with large tiles: around and beyond each tile.
const WIDE_SHAPES: [(usize, usize, usize, usize); 5] =
    [(3, 16, 68, 1), (130, 144, 132, 2), (129, 128, 64, 3), (300, 784, 36, 7), (70_001, 16, 20, 3)];

fn shapes() -> Vec<Sizes> {
    sizes(&SHAPES)
}

fn wide_shapes() -> Vec<Sizes> {
    sizes(&[&SHAPES[..], &WIDE_SHAPES].concat())
}

fn sizes(shapes: &[(usize, usize, usize, usize)]) -> Vec<Sizes> {
    let sizes = |&(m, k, n, splits): &(usize, usize, usize, usize)| {
        // Padding of 0 to 3 outputs, as in a network.
        Sizes { m, k, n, splits, classes: n - m % 4, lanes: 0 }
    };
    shapes.iter().map(sizes).collect()
}

/// The same with whole words of 16 pixels a row.
fn wide_pixel_shapes() -> Vec<Sizes> {
    wide_shapes().into_iter().map(|s| Sizes { k: s.k.next_multiple_of(16), ..s }).collect()
}

/// The same with the rows of a partial sum of the metrics in `k`.
fn count_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { k: 256, ..s }).collect()
}

/// The same as flat buffers of many lengths; what is added up in one loop stays below 60,000.
fn flat_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { m: s.m.min(60_000), n: s.k * s.n * (1 + s.m / 64), ..s }).collect()
}

/// The same with 16 to 1,024 steps in `k`, few enough elements for the twin to stay fast.
fn chain_shapes() -> Vec<Sizes> {
    let steps = |(index, s): (usize, Sizes)| Sizes { n: s.n.min(16_388), k: 16 << (index % 7), ..s };
    flat_shapes().into_iter().enumerate().map(steps).collect()
}
