//! What the trainer asks of whoever computes: the GPU, or the CPU engine.

use crate::{Result, metrics::Metrics, network::Parameters, reference::CpuEngine};

/// The two sets of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The samples that train.
    Train,
    /// The samples that are only evaluated.
    Test,
}

/// Computes iterations of full-batch gradient descent.
pub trait Engine {
    /// Starts some of the next `most` iterations, at least one, and returns how many. They need not
    /// be done when it returns.
    ///
    /// # Errors
    /// Where the device is lost.
    fn iterate(&mut self, most: usize) -> Result<usize>;

    /// Waits until every iteration that was started is done.
    ///
    /// # Errors
    /// Where the device is lost.
    fn finish(&mut self) -> Result<()>;

    /// Loss and hits of the last iteration's own forward pass, that is, of the weights entering it.
    ///
    /// # Errors
    /// Where the device is lost, or a sum missed samples.
    fn metrics(&mut self) -> Result<Metrics>;

    /// Loss and hits of the present weights.
    ///
    /// # Errors
    /// As [`Engine::metrics`].
    fn evaluate(&mut self, split: Split) -> Result<Metrics>;

    /// The present weights and biases.
    ///
    /// # Errors
    /// Where the device is lost.
    fn parameters(&mut self) -> Result<Parameters>;
}

/// The CPU engine with the metrics of its last iteration.
pub struct OnCpu {
    engine: CpuEngine<f32>,
    last: Metrics,
}

impl OnCpu {
    /// Trains with `engine`.
    pub fn new(engine: CpuEngine<f32>) -> Self {
        OnCpu { engine, last: Metrics { loss: f64::NAN, hits: 0, samples: 0 } }
    }
}

impl Engine for OnCpu {
    fn iterate(&mut self, _most: usize) -> Result<usize> {
        self.last = self.engine.iterate();
        Ok(1)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    fn metrics(&mut self) -> Result<Metrics> {
        Ok(self.last)
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
}
