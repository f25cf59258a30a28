//! What decides a training beside data and start: which formulas, in which order the samples come, and
//! how far each step goes. Nothing here knows where it is computed, so that it means the same on every
//! device.

use std::ops::Range;

mod activation;
mod by_name;
mod optimizer;
mod rate;
mod shuffle;

pub use activation::Activation;
pub use optimizer::{BETAS, Optimizer};
pub use rate::{Decay, LearningRate, Rate};
pub use shuffle::{Epoch, MAX_SHIFT, Orders, SHIFTS, generator, offset};

/// How a network is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// After every layer but the last.
    pub activation: Activation,
    /// From the mean gradient to the new parameters.
    pub optimizer: Optimizer,
    /// L2 penalty: adds this much of a parameter to its gradient; `adamw` takes it from the parameter instead,
    /// times the learning rate.
    pub weight_decay: f64,
    /// The learning rate of every iteration.
    pub rate: LearningRate,
    /// Label smoothing: this much probability is spread evenly over all classes.
    pub smoothing: f64,
    /// Samples of an update; `None` for all of them, in their order.
    pub batch: Option<usize>,
    /// Whether the images of a batch are shifted at random.
    pub shift: bool,
    /// Of the orders and the shifts.
    pub seed: u64,
}

impl Recipe {
    /// Full-batch gradient descent at one rate, with ReLU: the textbook's training.
    pub fn gradient_descent(alpha: f64) -> Self {
        Recipe {
            activation: Activation::Relu,
            optimizer: Optimizer::Sgd,
            weight_decay: 0.0,
            rate: LearningRate::constant(alpha),
            smoothing: 0.0,
            batch: None,
            shift: false,
            seed: 0,
        }
    }

    /// Whether iterations differ in more than the parameters: in samples, rate, or the number of steps before.
    pub fn steps_differ(&self) -> bool {
        self.batch.is_some() || !self.rate.is_constant() || self.optimizer.counts_steps()
    }

    /// Samples of an iteration, of the last one of an epoch perhaps fewer.
    pub fn rows(&self, samples: usize) -> usize {
        self.batch.map_or(samples, |batch| batch.min(samples))
    }

    /// Where the samples of an iteration, from 0, stand in the order of its epoch.
    pub fn places(&self, iter: usize, samples: usize) -> Range<usize> {
        let start = iter % self.epoch_iters(samples).max(1) * self.rows(samples);
        start..(start + self.rows(samples)).min(samples)
    }

    /// Iterations that see every sample once.
    pub fn epoch_iters(&self, samples: usize) -> usize {
        samples.div_ceil(self.rows(samples).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_a_last_short_batch() {
        let recipe = |batch| Recipe { batch, ..Recipe::gradient_descent(0.1) };
        for (batch, samples, rows, iters) in [
            (None, 60_000, 60_000, 1),
            (Some(128), 60_000, 128, 469),
            (Some(100), 60_000, 100, 600),
            (Some(60_000), 60_000, 60_000, 1),
            (Some(1), 7, 1, 7),
        ] {
            let recipe = recipe(batch);
            assert_eq!((recipe.rows(samples), recipe.epoch_iters(samples)), (rows, iters), "{batch:?}");
            let places = |iter| recipe.places(iter, samples);
            assert_eq!((places(0).start, places(iters - 1).end), (0, samples), "{batch:?}");
            assert!((1..iters).all(|iter| places(iter).start == places(iter - 1).end), "{batch:?}");
            assert_eq!(places(iters), places(0), "{batch:?}");
        }
    }
}
