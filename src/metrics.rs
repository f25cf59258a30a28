//! What a forward pass over a set of samples shows.

/// Loss and correct predictions over a number of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metrics {
    /// Mean cross-entropy, natural logarithm.
    pub loss: f64,
    /// Samples whose largest output is at their label; ties go to the lowest class.
    pub correct: u64,
    /// Samples in all.
    pub samples: u64,
}

impl Metrics {
    /// Of these samples and those of `other` together.
    pub fn and(&self, other: &Self) -> Self {
        let samples = self.samples + other.samples;
        let share = |metrics: &Self| metrics.loss * (metrics.samples as f64 / samples as f64);
        Metrics { loss: share(self) + share(other), correct: self.correct + other.correct, samples }
    }

    /// Correct predictions as a fraction of the samples, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples as f64
    }
}
