//! The learning rate of every iteration, evaluated on the host in f64 and sent ahead: a device's own
//! cosine may be off by 2^-11, and 1 - 0.999^t in f32 by 6e-5.

use std::{
    f64::consts::PI,
    fmt::{self, Display, Formatter},
    str::FromStr,
};

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// Not at all.
    Constant,
    /// Every so many iterations to a part of what it was.
    Step {
        /// Iterations.
        every: usize,
        /// Part that is left.
        factor: f64,
    },
    /// Along half a cosine, to 0 at the end.
    Cosine,
}

/// The learning rate over a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LearningRate {
    /// At its highest.
    pub alpha: f64,
    /// How it falls, once it is warm.
    pub decay: Decay,
    /// Iterations in which it rises in equal steps, from alpha / warmup to alpha.
    pub warmup: usize,
    /// Of the whole training.
    pub iters: usize,
}

/// What an optimizer needs of the iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// The learning rate.
    pub alpha: f64,
    /// 1 / (1 - beta^t) for each moment at step t, from 1: it takes the bias to 0 away.
    pub corrections: [f64; 2],
}

impl FromStr for Decay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step = |every: &str, factor: &str| {
            let (every, factor) = (every.parse().ok()?, factor.parse().ok()?);
            (every >= 1 && factor > 0.0 && factor <= 1.0).then_some(Decay::Step { every, factor })
        };
        let decay = match text.split(':').collect::<Vec<_>>()[..] {
            ["constant"] => Some(Decay::Constant),
            ["cosine"] => Some(Decay::Cosine),
            ["step", every, factor] => step(every, factor),
            _ => None,
        };
        decay.ok_or_else(|| {
            "expected constant, cosine, or step:N:F with iterations N of at least 1 and a factor F above 0 up to 1, such as step:1000:0.5".into()
        })
    }
}

impl Display for Decay {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Decay::Constant => f.write_str("constant"),
            Decay::Cosine => f.write_str("cosine"),
            Decay::Step { every, factor } => write!(f, "step:{every}:{factor}"),
        }
    }
}

impl serde::Serialize for Decay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl LearningRate {
    /// The same rate throughout.
    pub fn constant(alpha: f64) -> Self {
        LearningRate { alpha, decay: Decay::Constant, warmup: 0, iters: 0 }
    }

    /// Whether all iterations have the same.
    pub fn is_constant(&self) -> bool {
        self.decay == Decay::Constant && self.warmup == 0
    }

    /// The learning rate of an iteration, from 0.
    pub fn at(&self, iter: usize) -> f64 {
        let Some(warm) = iter.checked_sub(self.warmup) else {
            return self.alpha * (iter + 1) as f64 / self.warmup as f64;
        };
        match self.decay {
            Decay::Constant => self.alpha,
            Decay::Step { every, factor } => self.alpha * factor.powf((warm / every) as f64),
            Decay::Cosine => {
                let part = warm as f64 / (self.iters - self.warmup) as f64;
                self.alpha * (1.0 + (PI * part).cos()) / 2.0
            }
        }
    }

    /// What the optimizer gets in an iteration, from 0, for an optimizer whose moments decay by `betas`.
    pub fn row(&self, iter: usize, betas: [f64; 2]) -> Rate {
        let corrections = betas.map(|beta| 1.0 / (1.0 - beta.powf((iter + 1) as f64)));
        Rate { alpha: self.at(iter), corrections }
    }
}

impl Rate {
    /// As an element of the buffer `rates`: a vec4f, the last number unused.
    pub fn packed(self) -> [f32; 4] {
        let [first, second] = self.corrections;
        [self.alpha, first, second, 0.0].map(|value| value as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(decay: Decay, warmup: usize, iters: usize) -> Vec<f64> {
        let rate = LearningRate { alpha: 0.8, decay, warmup, iters };
        (0..iters).map(|iter| rate.at(iter)).collect()
    }

    fn assert_near(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 1e-12), "{found:?}");
    }

    #[test]
    fn rates_are_those_counted_by_hand() {
        assert_near(&rates(Decay::Constant, 0, 3), &[0.8, 0.8, 0.8]);
        assert_near(&rates(Decay::Constant, 4, 5), &[0.2, 0.4, 0.6, 0.8, 0.8]);
        assert_near(&rates(Decay::Step { every: 2, factor: 0.5 }, 0, 5), &[0.8, 0.8, 0.4, 0.4, 0.2]);
        assert_near(&rates(Decay::Step { every: 2, factor: 0.5 }, 1, 4), &[0.8, 0.8, 0.8, 0.4]);
        let half = 0.5f64.sqrt();
        assert_near(&rates(Decay::Cosine, 0, 4), &[0.8, 0.4 * (1.0 + half), 0.4, 0.4 * (1.0 - half)]);
        assert_near(&rates(Decay::Cosine, 2, 4), &[0.4, 0.8, 0.8, 0.4]);
        assert_near(&rates(Decay::Cosine, 2, 2), &[0.4, 0.8]);
    }

    #[test]
    fn corrections_take_the_bias_away() {
        let rate = LearningRate::constant(0.001);
        for (iter, expected) in [(0, [10.0, 1000.0]), (1, [1.0 / 0.19, 1.0 / 0.001_999])] {
            let row = rate.row(iter, super::super::BETAS);
            let near = |(f, e): (f64, f64)| (f / e - 1.0).abs() <= 1e-12;
            assert!(row.corrections.into_iter().zip(expected).all(near), "{row:?}");
        }
        assert_eq!(rate.row(1_000_000, super::super::BETAS).corrections, [1.0, 1.0]);
    }
}
