//! Training without a GPU: the twins on chunks of rows, side by side.

use std::sync::Arc;

use ndarray::{ArrayView2, NdFloat};
use rayon::prelude::*;

use super::{
    Activations, SoftmaxCrossEntropy, backward, forward, gradient_descent, mean_gradient, scale_pixels,
    softmax_cross_entropy,
};
use crate::{
    data::{Dataset, Samples},
    metrics::Metrics,
    network::Parameters,
};

/// Rows that are computed together: few enough for a chunk of pictures to stay in a core's cache.
const CHUNK: usize = 512;
/// Bytes of partial gradients that may be in memory at once: a network so large that few of them fit
/// has only that many chunks side by side.
const WAVE_BYTES: usize = 512 << 20;

/// Full-batch gradient descent on the CPU.
///
/// Chunks are of a fixed size and their sums are added in order, so the bits of a result do not
/// depend on how many threads rayon has.
#[derive(Debug)]
pub struct CpuEngine<T> {
    data: Arc<Dataset>,
    parameters: Parameters<T>,
    alpha: T,
    /// Chunks whose gradients are in memory at once.
    wave: usize,
}

/// A chunk's pixels (rows, inputs) and labels (rows).
type Chunk<'a> = (ArrayView2<'a, u8>, &'a [u8]);

/// Loss and hits, summed over samples.
#[derive(Default)]
struct Tally {
    loss: f64,
    hits: u64,
}

impl<T: NdFloat> CpuEngine<T> {
    /// An engine that starts from `parameters` and learns at the rate `alpha`.
    ///
    /// The parameters are for the data's picture size and classes: with others, the methods panic.
    pub fn new(data: Arc<Dataset>, parameters: Parameters<T>, alpha: f64) -> Self {
        let values: usize = parameters.layers.iter().map(|l| l.weight.len() + l.bias.len()).sum();
        let wave = (WAVE_BYTES / (values * size_of::<T>()).max(1)).max(1);
        let alpha = T::from(alpha).expect("f64 becomes any float, rounded");
        CpuEngine { data, parameters, alpha, wave }
    }

    /// One update by the whole training set; the metrics are those of the weights entering it.
    pub fn iterate(&mut self) -> Metrics {
        let data = Arc::clone(&self.data);
        let (tally, sums) = self.gradient_sums(&data.train);
        for (layer, sum) in self.parameters.layers.iter_mut().zip(&sums.layers) {
            let dw = mean_gradient(sum.weight.view(), data.train.len());
            let db = mean_gradient(sum.bias.view(), data.train.len());
            gradient_descent(layer.weight.view_mut(), dw.view(), self.alpha);
            gradient_descent(layer.bias.view_mut(), db.view(), self.alpha);
        }
        tally.metrics(data.train.len())
    }

    /// The metrics of the present weights on the training set.
    pub fn evaluate_train(&self) -> Metrics {
        self.evaluate(&self.data.train)
    }

    /// The metrics of the present weights on the test set.
    pub fn evaluate_test(&self) -> Metrics {
        self.evaluate(&self.data.test)
    }

    /// The present weights and biases.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// Tally and gradients over all samples, a wave of chunks at a time, added chunk by chunk.
    fn gradient_sums(&self, samples: &Samples) -> (Tally, Parameters<T>) {
        let mut tally = Tally::default();
        let mut sums = self.parameters.map(|_| T::zero());
        for wave in chunks(samples).chunks(self.wave) {
            let parts: Vec<_> = wave.par_iter().map(|chunk| self.chunk_gradient(chunk)).collect();
            for (part, gradient) in &parts {
                tally.add(part);
                add(&mut sums, gradient);
            }
        }
        (tally, sums)
    }

    /// Tally and gradients of one chunk.
    fn chunk_gradient(&self, chunk: &Chunk) -> (Tally, Parameters<T>) {
        let (activations, output) = self.chunk_forward(chunk);
        (Tally::of(&output), backward(&self.parameters, &activations, output.dz))
    }

    fn chunk_forward(&self, (pixels, labels): &Chunk) -> (Activations<T>, SoftmaxCrossEntropy<T>) {
        let activations = forward(&self.parameters, scale_pixels(*pixels));
        let output = softmax_cross_entropy(activations.logits().view(), labels);
        (activations, output)
    }

    fn evaluate(&self, samples: &Samples) -> Metrics {
        let chunks = chunks(samples);
        let parts: Vec<_> = chunks.par_iter().map(|chunk| Tally::of(&self.chunk_forward(chunk).1)).collect();
        let mut tally = Tally::default();
        parts.iter().for_each(|part| tally.add(part));
        tally.metrics(samples.len())
    }
}

impl Tally {
    fn of<T: NdFloat>(output: &SoftmaxCrossEntropy<T>) -> Self {
        let number = |loss: &T| loss.to_f64().expect("f64 holds every float");
        Tally {
            loss: output.loss.iter().map(number).sum(),
            hits: output.hit.iter().map(|&hit| u64::from(hit)).sum(),
        }
    }

    fn add(&mut self, part: &Tally) {
        self.loss += part.loss;
        self.hits += part.hits;
    }

    fn metrics(&self, samples: usize) -> Metrics {
        Metrics { loss: self.loss / samples as f64, hits: self.hits, samples: samples as u64 }
    }
}

/// Rows in order, [`CHUNK`] at a time; the last chunk may be shorter.
fn chunks(samples: &Samples) -> Vec<Chunk<'_>> {
    let rows = samples.pixels.chunks(CHUNK * samples.inputs);
    rows.zip(samples.labels.chunks(CHUNK))
        .map(|(pixels, labels)| {
            let shape = (labels.len(), samples.inputs);
            (ArrayView2::from_shape(shape, pixels).expect("a picture for every label"), labels)
        })
        .collect()
}

/// sums += gradient, parameter by parameter.
fn add<T: NdFloat>(sums: &mut Parameters<T>, gradient: &Parameters<T>) {
    for (sum, part) in sums.layers.iter_mut().zip(&gradient.layers) {
        sum.weight += &part.weight;
        sum.bias += &part.bias;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Init, Shape};

    /// 2,100 samples of 5 pixels: five chunks, the last one short.
    fn engine(wave: usize) -> CpuEngine<f32> {
        let samples = Samples {
            pixels: (0..2100 * 5u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
            labels: (0..2100).map(|i| (i % 3) as u8).collect(),
            inputs: 5,
        };
        let data = Dataset { train: samples.clone(), test: samples, rows: 1, cols: 5, classes: 3 };
        let shape = Shape::new(5, &[4], 3).unwrap();
        let start = Init::Uniform.parameters(&shape, 1);
        CpuEngine { wave, ..CpuEngine::new(Arc::new(data), start, 0.5) }
    }

    #[test]
    fn the_size_of_a_wave_changes_no_bit() {
        let run = |wave| {
            let mut engine = engine(wave);
            let metrics: Vec<_> = (0..3).map(|_| engine.iterate()).collect();
            (metrics, engine.parameters)
        };
        let whole = run(100);
        for wave in 1..6 {
            assert_eq!(run(wave), whole, "waves of {wave}");
        }
    }
}
