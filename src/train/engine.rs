//! What the trainer asks of whoever computes: the GPU, or the CPU engine.

use std::time::Duration;

use crate::{Result, data::Split, metrics::Metrics, network::Parameters};

/// What a report is about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// From the forward pass of the iteration itself; with mini-batches, of all iterations since the
    /// last report.
    pub train: Metrics,
    /// From the last evaluation before it; none where nothing is held out.
    pub val: Option<Metrics>,
    /// From the last evaluation before it.
    pub test: Metrics,
}

/// Computes the iterations of a training. What is started need not be done when a call returns.
pub trait Engine {
    /// Starts some of the next `most` iterations, at least one, and returns how many.
    ///
    /// # Errors
    /// Where the device is lost, or a sum missed samples.
    fn iterate(&mut self, most: usize) -> Result<usize>;

    /// Starts evaluations of the sets that do not train; the next report has what they find.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn start_evaluations(&mut self) -> Result<()>;

    /// Starts one iteration, behind which [`Engine::figures`] has its figures.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn report(&mut self) -> Result<()>;

    /// The figures of the oldest report that nobody took yet, where they have arrived.
    fn figures(&mut self) -> Option<Figures>;

    /// Waits until no more than `most` of the things started are under way.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn drain(&mut self, most: usize) -> Result<()>;

    /// Loss and hits of the present weights on a set; none where the set is not there. The next report
    /// has them, too.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>>;

    /// The present weights and biases.
    ///
    /// # Errors
    /// Where the device is lost.
    fn parameters(&mut self) -> Result<Parameters>;

    /// Time that evaluations took.
    fn evaluating(&self) -> Duration;
}
