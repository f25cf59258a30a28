//! Sizes of a plan: chunks of rows, splits of sums, counters, and what all of it needs of an adapter.

use super::{Layout, Shape, layout::ALIGN};
use crate::{
    gpu::{Needs, ShaderError},
    kernels::Shaders,
};

/// Bytes of activations that a chunk of rows may take.
const ACTIVATION_BYTES: usize = 64 << 20;
/// Bytes of pixels that a chunk of rows may take: half of what WebGPU guarantees a binding.
const PIXEL_BYTES: usize = 64 << 20;
/// Invocations that a sum over samples is spread over, so that wide and narrow layers alike fill a
/// device.
const GRADIENT_INVOCATIONS: usize = 1 << 14;
/// Most rows of a split: a sum is one loop, and some drivers stop a loop at 65,535 trips.
const MAX_SPLIT_ROWS: usize = 16_384;
/// Fewest rows of a split: below, reducing costs more than summing.
const SPLIT_ROWS: usize = 256;
/// Stands for a size that is not known before the plan is made: workgroups do not depend on it.
const ANY_SIZE: f64 = 64.0;
/// Most trips of a loop: a number that every driver is known to run.
pub(super) const MAX_TRIPS: usize = 60_000;
/// Most samples: count_metrics leaves one partial for 256 of them, and reduce_metrics adds these
/// up in one loop.
pub const MAX_SAMPLES: usize = MAX_TRIPS * 256;

/// Counters of samples that every sum keeps; the first two are those of the metrics.
pub(super) const TRAIN_METRICS: usize = 0;
pub(super) const TEST_METRICS: usize = 1;

/// What a run needs to know before a device is opened.
#[derive(Debug, Clone)]
pub struct PlanSizes {
    /// Unpadded sizes.
    pub shape: Shape,
    /// Padded sizes.
    pub layout: Layout,
    /// Samples that train.
    pub train: usize,
    /// Samples that test.
    pub test: usize,
    /// Rows that pass at once.
    pub chunk: usize,
}

/// What a counter of samples must read.
#[derive(Debug, Clone)]
pub struct Counter {
    /// The kernel and layer that keeps it.
    pub kernel: String,
    /// Samples that an iteration adds.
    pub iteration: usize,
    /// Samples that an evaluation of the training samples adds.
    pub evaluate_train: usize,
    /// Samples that an evaluation of the test samples adds.
    pub evaluate_test: usize,
}

impl PlanSizes {
    /// Chooses the chunk of rows for `train` and `test` samples through `shape`.
    pub fn new(shape: &Shape, train: usize, test: usize) -> Self {
        let layout = Layout::new(shape);
        // z, a, da and dz of every layer
        let row_bytes: usize = layout.layers.iter().map(|layer| 4 * layer.n * 4).sum();
        let rows = (ACTIVATION_BYTES / row_bytes).min(PIXEL_BYTES / layout.layers[0].k);
        let fitting = (rows / ALIGN).max(1) * ALIGN;
        let chunk = fitting.min(train.max(test).next_multiple_of(ALIGN));
        PlanSizes { shape: shape.clone(), layout, train, test, chunk }
    }

    /// Ranges that the samples of a chunk are split into for a sum of `tiles` tiles.
    fn splits(&self, tiles: usize) -> usize {
        let fewest = self.chunk.div_ceil(MAX_SPLIT_ROWS);
        GRADIENT_INVOCATIONS.div_ceil(tiles).clamp(fewest, self.chunk.div_ceil(SPLIT_ROWS))
    }

    /// Splits of the weights' and the biases' sums of a layer.
    pub(super) fn layer_splits(&self, index: usize) -> (usize, usize) {
        let layer = &self.layout.layers[index];
        let inputs = if index == 0 { layer.k / 16 } else { layer.k / 4 };
        (self.splits(inputs * layer.n / 4), self.splits(layer.n / 4))
    }

    /// What an adapter must offer.
    ///
    /// # Errors
    /// [`ShaderError`] where a shader does not say its workgroup size.
    pub fn needs(&self, shaders: &Shaders) -> Result<Needs, ShaderError> {
        let mut needs = Needs::default();
        for (_, shader) in shaders.iter() {
            let sizes: Vec<_> = shader.open_overrides.iter().map(|name| (name.clone(), ANY_SIZE)).collect();
            needs.kernel(shader.bindings.len(), shader.workgroup(&sizes)?);
        }
        let first = &self.layout.layers[0];
        let pixels = |rows: usize| (rows * first.k) as u64;
        let widest = self.layout.layers.iter().map(|layer| layer.n).max().unwrap_or(0);
        let partials = (0..self.layout.layers.len()).map(|index| {
            let layer = &self.layout.layers[index];
            self.layer_splits(index).0 * layer.n * layer.k
        });
        let floats = partials.chain([self.chunk * widest, self.layout.len, self.train, self.test]);
        let largest = floats.max().unwrap_or(0) as u64 * 4;
        needs.binding = largest.max(pixels(self.chunk));
        needs.buffer = largest.max(pixels(self.train.max(self.test)));
        Ok(needs)
    }
}

pub(super) fn weight_counter(layer: usize) -> usize {
    2 + 2 * layer
}

pub(super) fn bias_counter(layer: usize) -> usize {
    3 + 2 * layer
}

/// The counters in their order, with what they must read.
pub(super) fn counters(sizes: &PlanSizes) -> Vec<Counter> {
    let (train, test) = (sizes.train, sizes.test);
    let mut counters = vec![
        Counter { kernel: "count_metrics".into(), iteration: train, evaluate_train: train, evaluate_test: 0 },
        Counter {
            kernel: "count_metrics of the test samples".into(),
            iteration: 0,
            evaluate_train: 0,
            evaluate_test: test,
        },
    ];
    for layer in 0..sizes.layout.layers.len() {
        let weights = if layer == 0 { "weight_gradient_pixels" } else { "weight_gradient" };
        for kernel in [weights, "bias_gradient"] {
            counters.push(Counter {
                kernel: format!("{kernel} of layer {layer}"),
                iteration: train,
                evaluate_train: 0,
                evaluate_test: 0,
            });
        }
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_bound_the_memory_and_splits_the_loops() {
        for (inputs, hidden, train) in [
            (784, vec![10], 60_000),
            (784, vec![10], 697_932),
            (784, vec![1024, 1024], 60_000),
            (1, vec![1], MAX_SAMPLES),
            (262_144, vec![4], 4_000),
        ] {
            let shape = Shape::new(inputs, &hidden, 10).unwrap();
            let sizes = PlanSizes::new(&shape, train, 1);
            assert_eq!(sizes.chunk % ALIGN, 0);
            assert!(sizes.chunk * sizes.layout.layers[0].k <= PIXEL_BYTES, "{shape}: {}", sizes.chunk);
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
