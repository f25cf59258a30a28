//! Training without a GPU: the twins on chunks of rows, side by side.

use std::{borrow::Cow, sync::Arc};

use ndarray::{ArrayView2, NdFloat};

use super::{
    Activations, SoftmaxCrossEntropy, backward, forward, gather, gather_shifted, mean_gradient, scale_pixels,
    softmax_cross_entropy, step, threads,
};
use crate::{
    data::{Dataset, Samples, Split},
    metrics::Metrics,
    net::{Parameters, Shape},
    recipe::{BETAS, Orders, Recipe},
};

/// Rows that are computed together: few enough for a chunk of pictures to stay in a core's cache.
const CHUNK: usize = 512;
/// Chunks of a mini-batch, so that more than one core has something to do, and the fewest rows of one.
const BATCH_CHUNKS: usize = 8;
const BATCH_ROWS: usize = 32;
/// Bytes of partial gradients that may be in memory at once: a network so large that few of them fit
/// has only that many chunks side by side.
const WAVE_BYTES: usize = 512 << 20;

/// Training on the CPU.
///
/// Chunks are of a fixed size and their sums are added in order, so the bits of a result do not
/// depend on how many threads rayon has.
#[derive(Debug)]
pub struct CpuEngine<T> {
    data: Arc<Dataset>,
    parameters: Parameters<T>,
    /// What the optimizer remembers of each parameter.
    state: Vec<Parameters<T>>,
    recipe: Recipe,
    orders: Orders,
    /// Iterations done.
    iter: usize,
    /// Chunks whose gradients are in memory at once.
    wave: usize,
}

/// A chunk's pixels (rows, inputs) and labels (rows).
type Chunk<'a> = (ArrayView2<'a, u8>, &'a [u16]);

/// Says whether to give up.
type Asked<'a> = &'a (dyn Fn() -> bool + Sync);

/// Loss and correct predictions, summed over samples.
#[derive(Default)]
struct Tally {
    loss: f64,
    correct: u64,
}

/// Chunks at a time, each with gradients of `bytes` of its own.
fn wave(bytes: usize) -> usize {
    (WAVE_BYTES / bytes.max(1)).max(1)
}

impl<T: NdFloat> CpuEngine<T> {
    /// An engine that starts from `parameters`.
    ///
    /// The parameters are for the data's picture size and classes: with others, the methods panic.
    pub fn new(data: Arc<Dataset>, parameters: Parameters<T>, recipe: &Recipe) -> Self {
        let values: usize = parameters.layers.iter().map(|l| l.weight.len() + l.bias.len()).sum();
        CpuEngine {
            state: recipe.optimizer.state().iter().map(|_| parameters.map(|_| T::zero())).collect(),
            orders: Orders::new(recipe, data.train.len()),
            wave: wave(values * size_of::<T>()),
            recipe: *recipe,
            iter: 0,
            data,
            parameters,
        }
    }

    /// Bytes that an engine for a network takes beside the samples, at most.
    pub fn memory(shape: &Shape, samples: usize, recipe: &Recipe) -> u64 {
        let parameters = shape.parameters() * size_of::<T>();
        let chunks = samples.div_ceil(CHUNK).max(1);
        let wave = wave(parameters).min(chunks);
        // Parameters, sums, the gradients of a wave and a copy on their way to a file; what the optimizer keeps.
        let copies = 3 + wave + recipe.optimizer.state().len();
        let widths = shape.inputs() + shape.layers().map(|layer| layer.outputs).sum::<usize>();
        // Of each layer a, z and their gradients, in every thread.
        let activations = 4 * CHUNK * widths * size_of::<T>() * threads::count().min(chunks);
        (copies * parameters + activations) as u64
    }

    /// How it trains.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// One update; the metrics are those of its samples by the weights entering it.
    pub fn iterate(&mut self) -> Metrics {
        self.iterate_unless(&|| false).expect("nothing stops it")
    }

    /// The same, but `None` and no update if `stop` is true between two chunks.
    pub fn iterate_unless(&mut self, stop: Asked) -> Option<Metrics> {
        let data = Arc::clone(&self.data);
        let batch = self.batch(&data);
        let (tally, sums) = self.gradient_sums(&batch, stop)?;
        self.update(&sums, batch.len());
        self.iter += 1;
        Some(tally.metrics(batch.len()))
    }

    /// The samples of this iteration.
    fn batch<'a>(&mut self, data: &'a Dataset) -> Cow<'a, Samples> {
        if self.recipe.batch.is_none() {
            return Cow::Borrowed(&data.train);
        }
        let epoch = self.orders.epoch(self.iter / self.recipe.epoch_iters(data.train.len()));
        let places = self.recipe.places(self.iter, data.train.len());
        let (pixels, labels) = (data.train.matrix(), &data.train.labels[..]);
        let (pixels, labels) = if self.recipe.shift {
            let picture = [data.rows, data.cols];
            gather_shifted(&epoch.order, &epoch.shifts, places, pixels, labels, picture)
        } else {
            gather(&epoch.order, places, pixels, labels)
        };
        let (pixels, _) = pixels.into_raw_vec_and_offset();
        Cow::Owned(Samples { pixels, labels, inputs: data.train.inputs })
    }

    /// The step from the sums of the gradients over `samples`.
    fn update(&mut self, sums: &Parameters<T>, samples: usize) {
        let Recipe { optimizer, weight_decay, .. } = self.recipe;
        let rate = self.recipe.rate.row(self.iter, BETAS);
        for (index, sum) in sums.layers.iter().enumerate() {
            let layer = &mut self.parameters.layers[index];
            let dw = mean_gradient(sum.weight.view(), samples);
            let db = mean_gradient(sum.bias.view(), samples);
            let (mut of_weights, mut of_biases): (Vec<_>, Vec<_>) = self
                .state
                .iter_mut()
                .map(|part| &mut part.layers[index])
                .map(|kept| (kept.weight.view_mut(), kept.bias.view_mut()))
                .unzip();
            let (weight, bias) = (layer.weight.view_mut(), layer.bias.view_mut());
            step(optimizer, weight, dw.view(), &mut of_weights, &rate, weight_decay);
            step(optimizer, bias, db.view(), &mut of_biases, &rate, weight_decay);
        }
    }

    /// The metrics of the present weights on a set; none where it is not there.
    pub fn evaluate(&self, split: Split) -> Option<Metrics> {
        self.evaluate_unless(split, &|| false)
    }

    /// The same, but `None` if `stop` is true between two chunks.
    pub fn evaluate_unless(&self, split: Split, stop: Asked) -> Option<Metrics> {
        let samples = self.data.set(split)?;
        let chunks = chunks(samples, CHUNK);
        let parts = threads::map_unless(stop, &chunks, |chunk| Tally::of(&self.chunk_forward(chunk).1))?;
        let mut tally = Tally::default();
        parts.iter().for_each(|part| tally.add(part));
        Some(tally.metrics(samples.len()))
    }

    /// The present weights and biases.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// Tally and gradients over all samples, a wave of chunks at a time, added chunk by chunk.
    fn gradient_sums(&self, samples: &Samples, stop: Asked) -> Option<(Tally, Parameters<T>)> {
        let mut tally = Tally::default();
        let mut sums = self.parameters.map(|_| T::zero());
        for wave in chunks(samples, self.chunk_rows(samples.len())).chunks(self.wave) {
            let parts = threads::map_unless(stop, wave, |chunk| self.chunk_gradient(chunk))?;
            for (part, gradient) in &parts {
                tally.add(part);
                add(&mut sums, gradient);
            }
        }
        Some((tally, sums))
    }

    fn chunk_rows(&self, samples: usize) -> usize {
        match self.recipe.batch {
            Some(_) => (samples / BATCH_CHUNKS).clamp(BATCH_ROWS, CHUNK),
            None => CHUNK,
        }
    }

    /// Tally and gradients of one chunk.
    fn chunk_gradient(&self, chunk: &Chunk) -> (Tally, Parameters<T>) {
        let (activations, output) = self.chunk_forward(chunk);
        (Tally::of(&output), backward(&self.parameters, &activations, output.dz, self.recipe.activation))
    }

    fn chunk_forward(&self, (pixels, labels): &Chunk) -> (Activations<T>, SoftmaxCrossEntropy<T>) {
        let activations = forward(&self.parameters, scale_pixels(*pixels), self.recipe.activation);
        let output = softmax_cross_entropy(activations.logits().view(), labels, self.recipe.smoothing);
        (activations, output)
    }
}

impl Tally {
    fn of<T: NdFloat>(output: &SoftmaxCrossEntropy<T>) -> Self {
        let number = |loss: &T| loss.to_f64().expect("f64 holds every float");
        Tally {
            loss: output.loss.iter().map(number).sum(),
            correct: output.correct.iter().map(|&correct| u64::from(correct)).sum(),
        }
    }

    fn add(&mut self, part: &Tally) {
        self.loss += part.loss;
        self.correct += part.correct;
    }

    fn metrics(&self, samples: usize) -> Metrics {
        Metrics { loss: self.loss / samples as f64, correct: self.correct, samples: samples as u64 }
    }
}

/// Rows in order, `len` at a time; the last chunk may be shorter.
fn chunks(samples: &Samples, len: usize) -> Vec<Chunk<'_>> {
    let rows = samples.pixels.chunks(len * samples.inputs);
    rows.zip(samples.labels.chunks(len))
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
    use crate::net::Init;

    /// 2,100 samples of 5 pixels: five chunks, the last one short.
    fn engine(wave: usize) -> CpuEngine<f32> {
        let samples = Samples {
            pixels: (0..2100 * 5u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
            labels: (0..2100).map(|i| (i % 3) as u16).collect(),
            inputs: 5,
        };
        let data = Dataset { train: samples.clone(), val: None, test: samples, rows: 1, cols: 5, classes: 3 };
        let shape = Shape::new(5, &[4], 3).unwrap();
        let start = Init::Uniform.parameters(&shape, 1);
        CpuEngine { wave, ..CpuEngine::new(Arc::new(data), start, &Recipe::gradient_descent(0.5)) }
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
