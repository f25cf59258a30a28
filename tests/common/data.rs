//! Small data that is easy to learn.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use shadegrad::data::{Dataset, Samples};

/// The labels that the samples have if nothing else is asked for.
pub const CLASSES: usize = 10;

/// Noise, brighter in a place that the label chooses: easy to learn, the same for the same seed.
fn samples(classes: usize, len: usize, inputs: usize, seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut pixels, mut labels) = (Vec::with_capacity(len * inputs), Vec::with_capacity(len));
    for _ in 0..len {
        let label = random.next_u32() as usize % classes;
        labels.push(label as u16);
        pixels.extend((0..inputs).map(|pixel| {
            let bright = pixel * classes / inputs == label;
            (random.next_u32() % 128) as u8 + if bright { 127 } else { 0 }
        }));
    }
    Samples { pixels, labels, inputs }
}

/// A data set of `rows` x `cols` pictures.
pub fn dataset(rows: usize, cols: usize, train: usize, test: usize) -> Dataset {
    dataset_of(CLASSES, rows, cols, train, test)
}

/// The same with another number of classes.
pub fn dataset_of(classes: usize, rows: usize, cols: usize, train: usize, test: usize) -> Dataset {
    let inputs = rows * cols;
    let (train, test) = (samples(classes, train, inputs, 1), samples(classes, test, inputs, 2));
    Dataset { train, val: None, test, rows, cols, classes }
}
