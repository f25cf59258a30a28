//! Sizes of a plan: chunks of rows, splits of sums, counters, and what all of it needs of an adapter.

use std::{collections::BTreeMap, sync::Arc};

use super::{LayerLayout, Layout, PlanKind, Shape, Variants, fused, layout::ALIGN, products::gradient_tile};
use crate::{
    data::{Lengths, Split},
    gpu::{Needs, Shader, ShaderError},
    kernels::{REGISTRY, Shaders, Sizes, fused::FusedStep},
    recipe::Recipe,
};

/// Bytes of pixels that a chunk of rows may take: half of what WebGPU guarantees a binding.
const PIXEL_BYTES: usize = 64 << 20;
/// Invocations that a sum over samples is spread over, so that wide and narrow layers alike fill a
/// device.
const GRADIENT_INVOCATIONS: usize = 1 << 14;
/// Workgroups that a sum in tiles is spread over: enough for a large GPU, which has room for some 400 at once,
/// to take them in rounds that are mostly full.
const TILED_WORKGROUPS: usize = 1_024;
/// The same for tiles of 8 lanes, on software drivers.
const EIGHT_LANES_WORKGROUPS: usize = 640;
/// Most rows of a split: a sum is one loop, and some drivers stop a loop at 65,535 trips.
const MAX_SPLIT_ROWS: usize = 16_384;
/// Fewest rows of a split: below, reducing costs more than summing.
const SPLIT_ROWS: usize = 256;
/// The same for tiles of 8 lanes, which take as long as some hundred rows to hand over what they have summed.
const EIGHT_LANES_ROWS: usize = 1_024;
/// Stands for a size that is not known before the plan is made: workgroups do not depend on it.
const ANY_SIZE: f64 = 64.0;
/// Most trips of a loop: a number that every driver is known to run.
pub(super) const MAX_TRIPS: usize = 60_000;
/// Most samples: count_metrics leaves one partial for 256 of them, and reduce_metrics adds these
/// up in one loop.
pub const MAX_SAMPLES: usize = MAX_TRIPS * 256;

/// What a run needs to know before a device is opened.
#[derive(Debug, Clone)]
pub struct PlanSizes {
    /// Unpadded sizes.
    pub shape: Shape,
    /// Padded sizes.
    pub layout: Layout,
    /// Samples of each set.
    pub lengths: Lengths,
    /// Rows that pass at once.
    pub chunk: usize,
    /// What is computed.
    pub recipe: Recipe,
    /// How an iteration is computed.
    pub kind: PlanKind,
    /// Which variants of the kernels compute it.
    pub variants: Variants,
}

impl PlanSizes {
    /// Chooses the chunk of rows for sets of samples through `shape`.
    pub fn new(shape: &Shape, lengths: Lengths, recipe: &Recipe, kind: PlanKind, variants: Variants) -> Self {
        let layout = Layout::new(shape);
        // z, a, da and dz of every layer
        let row_bytes: usize = layout.layers.iter().map(|layer| 4 * layer.n * 4).sum();
        let rows = (variants.activation_bytes / row_bytes).min(PIXEL_BYTES / layout.layers[0].k);
        let fitting = (rows / ALIGN).max(1) * ALIGN;
        // As few chunks as fit, and all alike: a short last one would take as many dispatches as another.
        let chunks = lengths.most().div_ceil(fitting).max(1);
        let chunk = lengths.most().div_ceil(chunks).next_multiple_of(ALIGN);
        PlanSizes { shape: shape.clone(), layout, lengths, chunk, recipe: *recipe, kind, variants }
    }

    /// Samples of an iteration.
    pub(super) fn rows(&self) -> usize {
        self.recipe.rows(self.lengths.train)
    }

    /// Ranges, of `least_rows` or more, that the samples of a chunk are split into for a sum that takes
    /// `each` of the `wanted` invocations or workgroups.
    fn splits(&self, each: usize, wanted: usize, least_rows: usize) -> usize {
        let rows = self.chunk.min(self.rows());
        wanted.div_ceil(each).clamp(rows.div_ceil(MAX_SPLIT_ROWS), (rows / least_rows).max(1))
    }

    /// Splits of the weights' and the biases' sums of a layer.
    pub(super) fn layer_splits(&self, index: usize) -> (usize, usize) {
        if self.kind == PlanKind::Fused {
            return (1, 1);
        }
        let layer = &self.layout.layers[index];
        let inputs = if index == 0 { layer.k / 16 } else { layer.k / 4 };
        let kernel = if index == 0 { "weight_gradient_pixels" } else { "weight_gradient" };
        let sizes = Sizes { k: layer.k, n: layer.n, ..Sizes::default() };
        let file = self.file(kernel, &sizes);
        let weights = match gradient_tile(file) {
            Some([units, per_tile]) => {
                let tiles = layer.n.div_ceil(units) * layer.k.div_ceil(per_tile);
                match file.ends_with(".tiled") {
                    true => self.splits(tiles, TILED_WORKGROUPS, SPLIT_ROWS),
                    false => self.splits(tiles, EIGHT_LANES_WORKGROUPS, EIGHT_LANES_ROWS),
                }
            }
            None => self.splits(inputs * layer.n / 4, GRADIENT_INVOCATIONS, SPLIT_ROWS),
        };
        (weights, self.splits(layer.n / 4, GRADIENT_INVOCATIONS, SPLIT_ROWS))
    }

    /// Whether no gradient is split: its partial sum is its sum.
    pub(super) fn has_one_split(&self) -> bool {
        let layerwise = self.kind == PlanKind::Layerwise;
        layerwise && (0..self.layout.layers.len()).all(|layer| self.layer_splits(layer) == (1, 1))
    }

    /// Whether an iteration passes in more than one chunk.
    pub(super) fn has_several_chunks(&self) -> bool {
        self.rows() > self.chunk
    }

    /// What an adapter must offer.
    ///
    /// # Errors
    /// [`ShaderError`] where a shader does not say its workgroup size.
    pub fn needs(&self, shaders: &Shaders) -> Result<Needs, ShaderError> {
        let mut needs = Needs::default();
        for (file, sizes) in self.files(shaders) {
            let shader = shaders.get(file, &sizes)?;
            let sizes: Vec<_> = shader.open_overrides.iter().map(|name| (name.clone(), ANY_SIZE)).collect();
            let buffers = shader.bindings.iter().filter(|binding| !binding.texture).count();
            needs.kernel(buffers, shader.workgroup(&sizes)?);
        }
        let first = &self.layout.layers[0];
        let pixels = |rows: usize| (rows * first.k) as u64;
        let widest = self.layout.layers.iter().map(|layer| layer.n).max().unwrap_or(0);
        let partials = (0..self.layout.layers.len()).map(|index| {
            let layer = &self.layout.layers[index];
            self.layer_splits(index).0 * layer.n * layer.k
        });
        let of_fused = if self.kind == PlanKind::Fused { self.fused().splits * self.layout.len } else { 0 };
        let seen_at_once =
            if self.sees_all_pixels(shaders)? { self.rows().max(self.chunk) } else { self.chunk };
        // A batch is gathered from all images; with the last one the order may be longer than the set.
        let (gathered, order) = match self.recipe.batch {
            Some(batch) => (pixels(self.lengths.train.max(batch)), self.lengths.train + batch),
            None => (0, 0),
        };
        let floats =
            partials.chain([of_fused, self.chunk * widest, self.layout.len, order, self.lengths.most()]);
        let largest = floats.max().unwrap_or(0) as u64 * 4;
        needs.binding = largest.max(pixels(seen_at_once)).max(gathered);
        needs.buffer = largest.max(pixels(self.lengths.most()));
        Ok(needs)
    }

    /// Whether a kernel of an iteration has all pixels in one storage binding: `fused_step`, if not as a
    /// texture.
    fn sees_all_pixels(&self, shaders: &Shaders) -> Result<bool, ShaderError> {
        if self.kind == PlanKind::Layerwise {
            return Ok(false);
        }
        let file = self.file("fused_step", &self.fused());
        if !shaders.edited.contains(&file) {
            return Ok(!matches!(self.variants.fused_step, Some(FusedStep::SmallSubgroups(_))));
        }
        let shader = shaders.get(file, &self.fused())?;
        Ok(shader.bindings.iter().any(|binding| binding.name == "pixels" && !binding.texture))
    }
}

impl PlanSizes {
    /// The files that the plan runs, but for a `fused_step` of ours: it stays within WebGPU's defaults,
    /// and takes long to parse.
    fn files(&self, shaders: &Shaders) -> BTreeMap<&'static str, Sizes> {
        let layer = |layer: &LayerLayout| Sizes { k: layer.k, n: layer.n, ..Sizes::default() };
        let mut files = BTreeMap::new();
        for kernel in
            REGISTRY.iter().map(|entry| entry.name).filter(|name| self.kind.runs(name, &self.recipe))
        {
            let file = |sizes| (shaders.preferred(kernel, self.file(kernel, &sizes)), sizes);
            files.extend(self.layout.layers.iter().map(layer).map(file));
        }
        if self.kind == PlanKind::Fused {
            let file = self.file("fused_step", &self.fused());
            files.remove("fused_step");
            if shaders.edited.contains(&file) {
                files.insert(file, self.fused());
            } else {
                files.remove(file);
            }
        }
        files
    }
}

/// The counter of a set's metrics.
pub(super) fn metrics_counter(split: Split) -> usize {
    split as usize
}

pub(super) fn weight_counter(layer: usize) -> usize {
    Split::ALL.len() + 2 * layer
}

pub(super) fn bias_counter(layer: usize) -> usize {
    weight_counter(layer) + 1
}

impl PlanSizes {
    /// The shader of a kernel at some sizes.
    pub(super) fn shader(
        &self,
        shaders: &Shaders,
        kernel: &'static str,
        sizes: &Sizes,
    ) -> Result<Arc<Shader>, ShaderError> {
        shaders.get(shaders.preferred(kernel, self.file(kernel, sizes)), sizes)
    }

    /// The file of a kernel at some sizes.
    pub(super) fn file(&self, kernel: &'static str, sizes: &Sizes) -> &'static str {
        self.variants.file(kernel, sizes)
    }

    /// What each counter of samples stands beside.
    pub(super) fn counters(&self) -> Vec<String> {
        let of_metrics = |split: Split| format!("count_metrics of the {} samples", split.name());
        let metrics = Split::ALL.map(of_metrics).into_iter();
        if self.kind == PlanKind::Fused {
            debug_assert_eq!(metrics.len(), fused::COUNTER);
            return metrics.chain(["fused_step".into()]).collect();
        }
        let of_layer = |layer| {
            let weights = if layer == 0 { "weight_gradient_pixels" } else { "weight_gradient" };
            [weights, "bias_gradient"].map(|kernel| format!("{kernel} of layer {layer}"))
        };
        metrics.chain((0..self.layout.layers.len()).flat_map(of_layer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_needs_of_batches_hold_all_images() {
        let shape = Shape::new(784, &[10], 10).unwrap();
        let lengths = Lengths { train: 697_932, val: 0, test: 1 };
        let needs = |batch| {
            let recipe = Recipe { batch, ..Recipe::gradient_descent(0.1) };
            PlanSizes::new(&shape, lengths, &recipe, PlanKind::Layerwise, Variants::default())
                .needs(&Shaders::load(None).unwrap())
                .unwrap()
        };
        assert!(needs(None).binding <= PIXEL_BYTES as u64 * 2);
        assert_eq!(needs(Some(128)).binding, 697_932 * 784);
    }

    /// Bytes of the largest binding of the fused plan.
    fn fused_binding(variant: FusedStep, train: usize, shaders: &Shaders) -> u64 {
        let shape = Shape::new(784, &[10], 10).unwrap();
        let lengths = Lengths { train, val: 0, test: 60_000 };
        let variants = Variants { fused_step: Some(variant), ..Variants::default() };
        let recipe = Recipe::gradient_descent(0.1);
        let sizes = PlanSizes::new(&shape, lengths, &recipe, PlanKind::Fused, variants);
        sizes.needs(shaders).unwrap().binding
    }

    #[test]
    fn a_fused_kernel_without_a_texture_needs_a_binding_of_all_images() {
        let built_in = Shaders::load(None).unwrap();
        for variant in [FusedStep::Subgroups { lanes: 16, words: 2 }, FusedStep::Workgroup] {
            assert_eq!(fused_binding(variant, 200_000, &built_in), 200_000 * 784);
            assert!(fused_binding(variant, 1, &built_in) >= 60_000 * 784, "evaluations see the test set");
        }
        let small = FusedStep::SmallSubgroups(8);
        assert!(fused_binding(small, 200_000, &built_in) <= PIXEL_BYTES as u64);

        let folder = tempfile::tempdir().unwrap();
        let texture = "var pixels: texture_storage_2d<rgba32uint, read>;";
        let load = "textureLoad(pixels, vec2u(image % IMAGES * QUADS + quad, image / IMAGES))";
        let source = include_str!("../../shaders/fused_step.small_subgroups.wgsl");
        assert!(source.contains(texture) && source.contains(load));
        let edited = source
            .replace(texture, "var<storage, read> pixels: array<vec4u>;")
            .replace(load, "pixels[image * QUADS + quad]");
        std::fs::write(folder.path().join("fused_step.small_subgroups.wgsl"), edited).unwrap();
        let edited = Shaders::load(Some(folder.path())).unwrap();
        assert_eq!(fused_binding(small, 200_000, &edited), 200_000 * 784);
    }

    #[test]
    fn chunks_bound_the_memory_and_splits_the_loops() {
        for (inputs, hidden, train) in [
            (784, vec![10], 60_000),
            (784, vec![128], 60_000),
            (784, vec![10], 697_932),
            (784, vec![1024, 1024], 60_000),
            (1, vec![1], MAX_SAMPLES),
            (262_144, vec![4], 4_000),
        ] {
            let shape = Shape::new(inputs, &hidden, 10).unwrap();
            let lengths = Lengths { train, val: 0, test: 1 };
            let recipe = Recipe::gradient_descent(0.1);
            let sizes = PlanSizes::new(&shape, lengths, &recipe, PlanKind::Layerwise, Variants::default());
            assert_eq!(sizes.chunk % ALIGN, 0);
            assert!(sizes.chunk * sizes.layout.layers[0].k <= PIXEL_BYTES, "{shape}: {}", sizes.chunk);
            let row: usize = sizes.layout.layers.iter().map(|layer| 16 * layer.n).sum();
            assert!(sizes.chunk * row <= sizes.variants.activation_bytes, "{shape}: {}", sizes.chunk);
            let chunks = train.div_ceil(sizes.chunk);
            let last = train - (chunks - 1) * sizes.chunk;
            assert!(
                last + chunks * ALIGN >= sizes.chunk,
                "{shape}: the last of {chunks} chunks has {last} rows"
            );
            for layer in 0..sizes.layout.layers.len() {
                let (weights, biases) = sizes.layer_splits(layer);
                for splits in [weights, biases] {
                    assert!(sizes.chunk.div_ceil(splits) <= MAX_SPLIT_ROWS, "{shape}, layer {layer}");
                    assert!(splits <= MAX_TRIPS, "{shape}: reduce_gradient adds up {splits} partial sums");
                }
            }
        }
    }
}
