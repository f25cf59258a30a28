//! What a forward pass over a set of samples tells.

/// Loss and hits over a number of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Mean cross-entropy, natural logarithm.
    pub loss: f64,
    /// Samples whose largest output is at their label; ties go to the lowest class.
    pub hits: u64,
    /// Samples in all.
    pub samples: u64,
}

impl Metrics {
    /// Hits as a fraction of the samples, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.hits as f64 / self.samples as f64
    }
}
