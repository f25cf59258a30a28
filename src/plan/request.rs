//! What a plan is made for, and the sizes that follow: chunks of rows and splits of sums.

use std::collections::BTreeSet;

use crate::{
    data::{Lengths, Split},
    gpu::{Interface, MAX_ITERATIONS, ShaderError},
    kernels::{DeviceProfile, MatmulKind, Sizes, fused::FusedStep},
    net::{ALIGN, Layout, Shape},
    recipe::Recipe,
};

/// Bytes of pixels that a chunk of rows may take: half of what WebGPU guarantees a binding.
const PIXEL_BYTES: usize = 64 << 20;
/// Invocations that a sum over samples is spread over, so that wide and narrow layers alike fill a
/// device.
const GRADIENT_INVOCATIONS: usize = 1 << 14;
/// Workgroups that a sum in tiles is spread over: enough for a large GPU, which has room for some 400 at
/// once, to take them in rounds that are mostly full.
const TILED_WORKGROUPS: usize = 1_024;
/// The same for tiles of 8 lanes, on software drivers.
const EIGHT_LANES_WORKGROUPS: usize = 640;
/// The most rows of a split: a sum is one loop, and some drivers stop a loop at 65,535 iterations.
const MAX_SPLIT_ROWS: usize = 16_384;
/// The fewest rows of a split: below, reducing costs more than summing.
const MIN_SPLIT_ROWS: usize = 256;
/// The same for tiles of 8 lanes, which take as long as some hundred rows to store what they have summed.
const MIN_EIGHT_LANES_ROWS: usize = 1_024;
/// The most samples: partial_metrics leaves one partial for 256 of them, and reduce_metrics adds these
/// up in one loop.
pub const MAX_SAMPLES: usize = MAX_ITERATIONS * 256;

/// What a plan is made for.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// Unpadded sizes of the network.
    pub shape: Shape,
    /// Padded sizes.
    pub layout: Layout,
    /// Samples of each set.
    pub lengths: Lengths,
    /// Rows and columns of a picture.
    pub picture: (usize, usize),
    /// How the network is trained.
    pub recipe: Recipe,
    /// What the device is like.
    pub profile: DeviceProfile,
    /// Rows that pass at once.
    pub chunk: usize,
    /// Sources that are taken where they can run, whatever suits the device.
    pub forced: BTreeSet<&'static str>,
}

/// A range of rows of a set of samples.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub start: usize,
    pub len: usize,
}

impl PlanRequest {
    /// Chooses the chunk of rows for sets of samples through `shape`.
    pub fn new(
        shape: &Shape,
        lengths: Lengths,
        picture: (usize, usize),
        recipe: &Recipe,
        profile: DeviceProfile,
    ) -> Self {
        let layout = Layout::new(shape);
        // z, a, da and dz of every layer
        let row_bytes: usize = layout.layers.iter().map(|layer| 4 * layer.n * 4).sum();
        let rows = (profile.activation_bytes / row_bytes).min(PIXEL_BYTES / layout.layers[0].k);
        let fitting = (rows / ALIGN).max(1) * ALIGN;
        // As few chunks as fit, and all alike: a short last one would take as many dispatches as another.
        let chunks = lengths.largest().div_ceil(fitting).max(1);
        let chunk = lengths.largest().div_ceil(chunks).next_multiple_of(ALIGN);
        PlanRequest {
            shape: shape.clone(),
            layout,
            lengths,
            picture,
            recipe: *recipe,
            profile,
            chunk,
            forced: BTreeSet::new(),
        }
    }

    /// Padded inputs of the first layer: the pixels of a sample.
    pub(super) fn inputs(&self) -> usize {
        self.layout.layers[0].k
    }

    /// Samples of an iteration.
    pub(super) fn rows(&self) -> usize {
        self.recipe.rows(self.lengths.train)
    }

    /// Whether an iteration passes in more than one chunk.
    pub(super) fn has_several_chunks(&self) -> bool {
        self.rows() > self.chunk
    }

    /// The chunks of a set of samples.
    pub(super) fn chunks(&self, len: usize) -> impl Iterator<Item = Rows> + use<> {
        let chunk = self.chunk;
        (0..len).step_by(chunk).map(move |start| Rows { start, len: chunk.min(len - start) })
    }

    /// The sets that have samples.
    pub(super) fn splits_with_samples(&self) -> impl Iterator<Item = Split> + use<> {
        let lengths = self.lengths;
        Split::ALL.into_iter().filter(move |&split| lengths.of(split) > 0)
    }

    /// Padded sizes of a layer for `rows` samples.
    pub(super) fn layer_sizes(&self, layer: usize, rows: usize) -> Sizes {
        let padded = &self.layout.layers[layer];
        Sizes { m: rows, k: padded.k, n: padded.n, classes: self.shape.classes(), ..Sizes::default() }
    }

    /// Ranges, of `min_rows` or more, that the samples of a chunk are split into for a sum that takes
    /// `each` of the `wanted` invocations or workgroups.
    fn splits(&self, each: usize, wanted: usize, min_rows: usize) -> usize {
        let rows = self.chunk.min(self.rows());
        wanted.div_ceil(each).clamp(rows.div_ceil(MAX_SPLIT_ROWS), (rows / min_rows).max(1))
    }

    /// Splits of the weights' sums of a layer, for the file that computes them.
    pub(super) fn weight_splits(&self, layer: usize, file: &Interface) -> Result<usize, ShaderError> {
        let padded = &self.layout.layers[layer];
        if !file.constants.contains_key("TILE_M") {
            let inputs = if layer == 0 { padded.k / 16 } else { padded.k / 4 };
            return Ok(self.splits(inputs * padded.n / 4, GRADIENT_INVOCATIONS, MIN_SPLIT_ROWS));
        }
        let tiles = padded.n.div_ceil(file.constant("TILE_M")?) * padded.k.div_ceil(file.constant("TILE_N")?);
        Ok(match self.profile.matmul {
            MatmulKind::Tiled => self.splits(tiles, TILED_WORKGROUPS, MIN_SPLIT_ROWS),
            _ => self.splits(tiles, EIGHT_LANES_WORKGROUPS, MIN_EIGHT_LANES_ROWS),
        })
    }

    /// Splits of the biases' sums of a layer.
    pub(super) fn bias_splits(&self, layer: usize) -> usize {
        self.splits(self.layout.layers[layer].n / 4, GRADIENT_INVOCATIONS, MIN_SPLIT_ROWS)
    }

    /// Sizes of `fused_step`, whose units are without padding.
    pub(super) fn fused_sizes(&self, variant: FusedStep) -> Sizes {
        let m = self.lengths.train;
        let (n, classes) = (self.shape.hidden()[0], self.shape.classes());
        let splits = variant.splits(m, self.profile.workgroups);
        variant.at(Sizes { m, k: self.inputs(), n, classes, splits, ..Sizes::default() })
    }
}
