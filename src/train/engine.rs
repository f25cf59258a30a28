//! What the trainer asks of whoever computes: the GPU, or the CPU engine.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::{Result, metrics::Metrics, network::Parameters, reference::CpuEngine};

/// The two sets of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The samples that train.
    Train,
    /// The samples that are only evaluated.
    Test,
}

/// What a report is about: the weights that enter an iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// From the iteration's own forward pass.
    pub train: Metrics,
    /// From an evaluation before it.
    pub test: Metrics,
}

/// Computes iterations of full-batch gradient descent. What is started need not be done when a call
/// returns.
pub trait Engine {
    /// Starts some of the next `most` iterations, at least one, and returns how many.
    ///
    /// # Errors
    /// Where the device is lost, or a sum missed samples.
    fn iterate(&mut self, most: usize) -> Result<usize>;

    /// Starts an evaluation of the test samples, and one iteration; [`Engine::figures`] has what they
    /// find later.
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

    /// Loss and hits of the present weights.
    ///
    /// # Errors
    /// As [`Engine::iterate`].
    fn evaluate(&mut self, split: Split) -> Result<Metrics>;

    /// The present weights and biases.
    ///
    /// # Errors
    /// Where the device is lost.
    fn parameters(&mut self) -> Result<Parameters>;

    /// Time that the evaluations of reports took.
    fn evaluating(&self) -> Duration;
}

/// The CPU engine, which does at once what it is asked.
pub struct OnCpu {
    engine: CpuEngine<f32>,
    figures: VecDeque<Figures>,
    evaluating: Duration,
}

impl OnCpu {
    /// Trains with `engine`.
    pub fn new(engine: CpuEngine<f32>) -> Self {
        OnCpu { engine, figures: VecDeque::new(), evaluating: Duration::ZERO }
    }
}

impl Engine for OnCpu {
    fn iterate(&mut self, _most: usize) -> Result<usize> {
        self.engine.iterate();
        Ok(1)
    }

    fn report(&mut self) -> Result<()> {
        let clock = Instant::now();
        let test = self.engine.evaluate_test();
        self.evaluating += clock.elapsed();
        self.figures.push_back(Figures { train: self.engine.iterate(), test });
        Ok(())
    }

    fn figures(&mut self) -> Option<Figures> {
        self.figures.pop_front()
    }

    fn drain(&mut self, _most: usize) -> Result<()> {
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Metrics> {
        Ok(match split {
            Split::Train => self.engine.evaluate_train(),
            Split::Test => self.engine.evaluate_test(),
        })
    }

    fn parameters(&mut self) -> Result<Parameters> {
        Ok(self.engine.parameters().clone())
    }

    fn evaluating(&self) -> Duration {
        self.evaluating
    }
}
