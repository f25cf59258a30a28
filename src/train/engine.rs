//! What the trainer asks of the one that computes: the GPU, or the CPU engine.

use super::{Stop, TrainError};
use crate::{clock::Duration, data::Split, metrics::Metrics, net::Parameters};

/// The figures of a report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReportMetrics {
    /// From the forward pass of the iteration itself; with mini-batches, of all iterations since the
    /// last report.
    pub train: Metrics,
    /// From the last evaluation before it; `None` if nothing is held out.
    pub val: Option<Metrics>,
    /// From the last evaluation before it.
    pub test: Metrics,
}

/// Computes the iterations of a training. What is started need not be done when a call returns.
pub trait Engine {
    /// Gives up what is under way as soon as `stop` is asked.
    fn heed(&mut self, stop: &Stop);

    /// Outputs of the network.
    fn classes(&self) -> usize;

    /// Starts some of the next `max` iterations, at least one, and returns how many: 0 if a stop came first.
    ///
    /// # Errors
    /// [`TrainError`] if the device is lost, or a sum missed samples.
    fn iterate(&mut self, max: usize) -> Result<usize, TrainError>;

    /// Starts evaluations of these sets, then one iteration; [`Engine::reported`] gets the figures of all of
    /// them. A set that is not evaluated now has the figures of its last evaluation. Returns whether the
    /// iteration was started: not if a stop came first.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn report(&mut self, evaluate: &[Split]) -> Result<bool, TrainError>;

    /// The figures of the oldest report that nobody took yet, if they have arrived.
    fn reported(&mut self) -> Option<ReportMetrics>;

    /// Waits until no more than `max` of the things started are under way.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn drain(&mut self, max: usize) -> Result<(), TrainError>;

    /// Loss and correct predictions of the present weights on a set; `None` if the set is not there, or a
    /// stop came first. The next report has them, too.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>, TrainError>;

    /// The present weights and biases.
    ///
    /// # Errors
    /// [`TrainError`] if the device is lost.
    fn parameters(&mut self) -> Result<Parameters, TrainError>;

    /// Time that evaluations took.
    fn evaluating(&self) -> Duration;
}
