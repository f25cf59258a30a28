//! What each kernel is called, where its texts are, which devices they run on, how many invocations cover
//! its work, what it must compute, and at which sizes that is checked.

use super::{
    DeviceProfile, File, MatmulKind, Shapes, Sizes, Source,
    cases::{self, Case, Random, *},
    fused::{self, FusedStep},
};
use crate::gpu::{Interface, ShaderError};

/// One kernel. Its name is that of its files, its CPU twin, its pipeline and its test.
pub struct Entry {
    /// `relu` for `shaders/relu.wgsl` and `reference::relu`.
    pub name: &'static str,
    /// The built-in texts: one, or variants for other kinds of devices, all checked by one twin.
    pub sources: &'static [Source],
    /// The sizes that the array lengths of a file need, for a kernel that cannot do with `override`s.
    pub constants: Option<fn(&str, &Sizes) -> Constants>,
    /// Invocations that cover the work; tile sizes are read from the file.
    pub invocations: fn(&Sizes, &Interface) -> Result<usize, ShaderError>,
    /// Seeded inputs of given sizes, and what the CPU twin makes of them.
    pub case: fn(Sizes, &mut Random) -> Case,
    /// Sizes to check it at.
    pub shapes: &'static Shapes,
    /// Floating-point operations of a dispatch, for a kernel that multiplies matrices: a multiply-add is 2.
    pub flops: Option<fn(&Sizes) -> usize>,
}

/// `const` lines of a shader: names and values.
pub type Constants = Vec<(&'static str, u32)>;

impl Entry {
    /// The source that a plan takes.
    pub fn source(&self, profile: &DeviceProfile, sizes: &Sizes) -> &'static Source {
        let suiting = self.sources.iter().rfind(|source| (source.suits)(profile, sizes));
        suiting.unwrap_or(&self.sources[0])
    }
}

macro_rules! file {
    ($folder:literal, $name:expr) => {
        File {
            name: $name,
            folder: $folder,
            text: include_str!(concat!("../../shaders/", $folder, $name, ".wgsl")),
        }
    };
}

/// The file that is appended to every kernel.
pub static COMMON: File = file!("", "common");

/// What the two variants of `fused_step` for GPUs share.
static FUSED_GPU: File = file!("variants/", "fused_gpu");

/// How the variants of a product read x: activations, four pixels a load, or sixteen.
static X_F32: File = file!("variants/", "x_f32");
static X_U8: File = file!("variants/", "x_u8");
static X_U8X16: File = file!("variants/", "x_u8x16");

/// The readable form of a kernel: a file of its name, which runs everywhere.
macro_rules! plain {
    ($name:expr) => {
        Source {
            name: $name,
            file: &file!("", $name),
            parts: &[],
            needs: "",
            runs_on: |_, sizes| Some(*sizes),
            suits: |_, _| true,
        }
    };
}

/// A form for other devices: a file of its name in `variants/`, or `=> file`; what it needs, and the files after `+`.
macro_rules! variant {
    ($name:expr, $needs:expr, $runs_on:expr, $suits:expr $(, + $part:ident)*) => {
        variant!($name => $name, $needs, $runs_on, $suits $(, + $part)*)
    };
    ($name:expr => $file:expr, $needs:expr, $runs_on:expr, $suits:expr $(, + $part:ident)*) => {
        Source {
            name: $name,
            file: &file!("variants/", $file),
            parts: &[$(&$part),*],
            needs: $needs,
            runs_on: $runs_on,
            suits: $suits,
        }
    };
}

/// An entry without sources.
macro_rules! entry_of {
    ($name:ident, $shapes:expr, $invocations:expr) => {
        Entry {
            name: stringify!($name),
            sources: &[],
            constants: None,
            invocations: $invocations,
            case: cases::$name,
            shapes: &$shapes,
            flops: None,
        }
    };
}

/// Makes an entry. The source is the file of its name; further fields replace those that most kernels have.
macro_rules! kernel {
    ($name:ident, $shapes:expr, $invocations:expr $(, $field:ident: $value:expr)*) => {
        Entry {
            $($field: $value,)*
            sources: &[plain!(stringify!($name))],
            ..entry_of!($name, $shapes, $invocations)
        }
    };
}

/// A matrix product: a text to be read first, one for the small subgroups of software drivers, one for
/// GPUs. The latter two are given by their files and what is appended to them. `$wide` says which sizes
/// fill a tile.
macro_rules! product {
    (
        $name:ident, [$small:literal $(+ $small_part:ident)?, $tiled:literal $(+ $tiled_part:ident)?],
        $shapes:expr, $wide:expr, $invocations:expr
    ) => {
        Entry {
            sources: &[
                plain!(stringify!($name)),
                variant!(concat!(stringify!($name), ".small_subgroups") => $small, SMALL, small_subgroups, |profile, s| {
                    let of_pixels = stringify!($name).ends_with("_pixels");
                    profile.matmul == MatmulKind::SmallSubgroups && (of_pixels || s.k * s.n >= MANY_SUMS)
                } $(, + $small_part)?),
                variant!(concat!(stringify!($name), ".tiled") => $tiled, "", |_, sizes| Some(*sizes), |profile, s| {
                    let wide: fn(&Sizes) -> bool = $wide;
                    profile.matmul == MatmulKind::Tiled && wide(s)
                } $(, + $tiled_part)?),
            ],
            flops: Some(|s| 2 * s.m * s.k * s.n),
            ..entry_of!($name, $shapes, $invocations)
        }
    };
}

/// Smallest k x n for which many sums a lane are faster on a software driver; pixels always are.
const MANY_SUMS: usize = 1_024;
/// Narrowest layer that fills half a tile.
const HALF_TILE: usize = 32;

/// What the variants for small subgroups need.
const SMALL: &str = "a software driver whose subgroups all have 8 or all have 16 lanes";

fn small_subgroups(profile: &DeviceProfile, sizes: &Sizes) -> Option<Sizes> {
    (profile.matmul == MatmulKind::SmallSubgroups).then_some(*sizes)
}

/// The sizes of a variant of `fused_step`, if it serves them.
fn fused_on(profile: &DeviceProfile, sizes: &Sizes, file: &str) -> Option<Sizes> {
    let serves =
        |variant: &FusedStep| variant.file() == file && variant.max_hidden(sizes.k, sizes.classes) >= sizes.n;
    profile.fused_step.filter(serves).map(|variant| variant.at(*sizes))
}

fn fused_suits(profile: &DeviceProfile, file: &str) -> bool {
    profile.fused_step.is_some_and(|variant| variant.file() == file)
}

/// Every kernel, in the order in which an iteration meets them; then those that measure limits.
pub static REGISTRY: &[Entry] = &[
    kernel!(gather, BATCHES, |s, _| Ok(s.m * s.k / 16)),
    kernel!(gather_shifted, BATCHES, |s, file| Ok(s.m * s.k / 4 / file.constant("WORDS")?)),
    kernel!(next_step, STEPS, |_, _| Ok(1)),
    product!(
        matmul_pixels,
        ["matmul.small_subgroups" + X_U8, "matmul.tiled" + X_U8],
        PIXEL_PRODUCTS,
        |s| s.n >= HALF_TILE,
        |s, file| tiled(s.m, s.n, s.n / 4, file)
    ),
    product!(
        matmul,
        ["matmul.small_subgroups" + X_F32, "matmul.tiled" + X_F32],
        PRODUCTS,
        |s| s.n >= HALF_TILE,
        |s, file| tiled(s.m, s.n, s.n / 4, file)
    ),
    kernel!(relu, ELEMENTS, quads),
    kernel!(leaky_relu, ELEMENTS, quads),
    kernel!(tanh, ELEMENTS, quads),
    kernel!(sigmoid, ELEMENTS, quads),
    kernel!(gelu, ELEMENTS, quads),
    kernel!(silu, ELEMENTS, quads),
    kernel!(softmax_cross_entropy, CLASSES, |s, _| Ok(s.m)),
    kernel!(partial_metrics, COUNTS, |s, file| tiles(s.m, file)),
    kernel!(reduce_metrics, PARTIALS, |_, _| Ok(1)),
    product!(
        input_gradient,
        ["input_gradient.small_subgroups", "input_gradient.tiled"],
        INPUT_PRODUCTS,
        |s| s.k >= HALF_TILE,
        |s, file| tiled(s.m, s.k, s.k / 4, file)
    ),
    kernel!(relu_backward, ELEMENTS, quads),
    kernel!(leaky_relu_backward, ELEMENTS, quads),
    kernel!(tanh_backward, ELEMENTS, quads),
    kernel!(sigmoid_backward, ELEMENTS, quads),
    kernel!(gelu_backward, ELEMENTS, quads),
    kernel!(silu_backward, ELEMENTS, quads),
    product!(
        weight_gradient,
        ["weight_gradient.small_subgroups" + X_F32, "weight_gradient.tiled" + X_F32],
        SUMMED_PRODUCTS,
        |s| s.n >= HALF_TILE && s.k >= HALF_TILE,
        |s, file| Ok(s.splits * summed(s.n, s.k, 4, file)?)
    ),
    product!(
        weight_gradient_pixels,
        ["weight_gradient.small_subgroups" + X_U8X16, "weight_gradient.tiled" + X_U8],
        SUMMED_PIXEL_PRODUCTS,
        |s| s.n >= HALF_TILE && s.k >= HALF_TILE,
        |s, file| Ok(s.splits * summed(s.n, s.k, 16, file)?)
    ),
    kernel!(bias_gradient, SUMS, |s, _| Ok(s.splits * (s.n / 4))),
    kernel!(reduce_gradient, FLAT, flat_quads),
    kernel!(sgd, FLAT, flat_quads),
    kernel!(momentum, FLAT, flat_quads),
    kernel!(nesterov, FLAT, flat_quads),
    kernel!(rmsprop, FLAT, flat_quads),
    kernel!(adam, FLAT, flat_quads),
    kernel!(adamw, FLAT, flat_quads),
    Entry {
        sources: &[
            variant!(
                "fused_step.small_subgroups",
                "a software driver whose subgroups all have the same 8 to 16 lanes",
                |profile, s| fused_on(profile, s, "fused_step.small_subgroups"),
                |profile, _| fused_suits(profile, "fused_step.small_subgroups")
            ),
            variant!(
                "fused_step.subgroups",
                "subgroups of 4 lanes or more",
                |profile, s| fused_on(profile, s, "fused_step.subgroups"),
                |profile, _| fused_suits(profile, "fused_step.subgroups"),
                + FUSED_GPU
            ),
            variant!(
                "fused_step.workgroup",
                "",
                |profile, s| fused_on(profile, s, "fused_step.workgroup"),
                |profile, _| fused_suits(profile, "fused_step.workgroup"),
                + FUSED_GPU
            ),
        ],
        constants: Some(fused::constants),
        flops: Some(fused::flops),
        ..entry_of!(fused_step, fused::SHAPES, |s, file| Ok(s.splits * file.constant("WORKGROUP")?))
    },
    kernel!(reduce_update, REDUCED, |s, file| {
        let width = file.constant("WORKGROUP")?;
        let parts = if s.splits <= file.constant("FEW")? { 1 } else { file.constant("PARTS")? };
        Ok((s.n / 4).div_ceil((width / parts).max(1)) * width)
    }),
    kernel!(copy, FLAT, flat_quads),
    kernel!(
        multiply_add,
        CHAINS_OF_STEPS,
        |s, file| Ok((s.n / 4).div_ceil(file.constant("CHAINS")?)),
        flops: Some(|s| 2 * s.n * s.k)
    ),
];

/// The entry of this name, if there is one.
pub fn find(name: &str) -> Option<&'static Entry> {
    REGISTRY.iter().find(|entry| entry.name == name)
}

/// The entry of this name.
///
/// # Panics
/// If no kernel has this name.
pub fn entry(name: &str) -> &'static Entry {
    find(name).unwrap_or_else(|| panic!("no kernel is called {name}"))
}

/// Invocations that take four units of a sample each.
fn quads(s: &Sizes, _: &Interface) -> Result<usize, ShaderError> {
    Ok(s.m * s.n / 4)
}

/// Invocations that take four elements of a flat buffer each.
fn flat_quads(s: &Sizes, _: &Interface) -> Result<usize, ShaderError> {
    Ok(s.n / 4)
}

/// Tiles of `ROWS` samples that cover `m`.
fn tiles(m: usize, file: &Interface) -> Result<usize, ShaderError> {
    Ok(m.div_ceil(file.constant("ROWS")?))
}

/// Invocations for a product of `m` by `n`. Where a workgroup shares a tile of TILE_M x TILE_N, these
/// tiles are counted, else one invocation's tiles of ROWS samples, in `columns` columns.
fn tiled(m: usize, n: usize, columns: usize, file: &Interface) -> Result<usize, ShaderError> {
    if !file.constants.contains_key("TILE_M") {
        return Ok(tiles(m, file)? * columns);
    }
    let tiles = m.div_ceil(file.constant("TILE_M")?) * n.div_ceil(file.constant("TILE_N")?);
    Ok(tiles * file.constant("WORKGROUP")?)
}

/// Invocations for one split of a product of `n` by `k`: of a workgroup a tile, or of one invocation
/// for 4 units and `inputs` inputs.
fn summed(n: usize, k: usize, inputs: usize, file: &Interface) -> Result<usize, ShaderError> {
    if file.constants.contains_key("TILE_M") {
        return tiled(n, k, 0, file);
    }
    Ok(n / 4 * (k / inputs))
}
