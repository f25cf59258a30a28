//! What the loss says of a training: that it has diverged, or that it learns nothing. The one definition of
//! both.

use std::fmt;

/// A loss above this many times its start, or what guessing has if that is more, has diverged.
const TIMES: f64 = 100.0;
/// Reports in a row above that.
const REPORTS: usize = 2;
/// How near a loss must stay to that of guessing to be called stuck, as a part of it.
const NEAR: f64 = 0.005;
/// Reports in a row so near, besides the final loss.
const STUCK_REPORTS: usize = 2;

/// Why a training has diverged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Divergence {
    /// The loss, or a weight, is not finite.
    NotFinite,
    /// The loss is finite, and far above its start.
    TooHigh {
        /// The loss.
        loss: f64,
        /// What it may be at most.
        limit: f64,
    },
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Divergence::NotFinite => f.write_str("loss or weights are not finite"),
            Divergence::TooHigh { loss, limit } => write!(
                f,
                "the loss is {loss:.3e}, more than {TIMES} times {:.5} (its start, or the loss of guessing)",
                limit / TIMES
            ),
        }
    }
}

/// Follows the training loss from report to report.
pub(super) struct LossWatch {
    /// The loss of equal odds for all classes.
    guessing: f64,
    /// The first loss.
    start: Option<f64>,
    /// Reports in a row that are too high.
    high: usize,
    /// Reports in a row that are no better and no worse than guessing.
    stuck: usize,
}

impl LossWatch {
    /// For a training on `classes` classes.
    pub fn new(classes: usize) -> Self {
        LossWatch { guessing: (classes as f64).ln(), start: None, high: 0, stuck: 0 }
    }

    /// Notes the loss of a report, and returns whether the training has diverged.
    pub fn report(&mut self, loss: f64) -> Option<Divergence> {
        self.start.get_or_insert(loss);
        let found = self.judge(loss);
        self.high = if found.is_some() { self.high + 1 } else { 0 };
        self.stuck = if self.is_guessing(loss) { self.stuck + 1 } else { 0 };
        found.filter(|found| *found == Divergence::NotFinite || self.high >= REPORTS)
    }

    /// Whether the training has diverged if this is its last loss. Without a report nothing was trained.
    pub fn end(&self, loss: f64) -> Option<Divergence> {
        self.judge(loss)
    }

    /// Whether the loss has stayed what guessing has, up to this last one.
    pub fn is_stuck(&self, loss: f64) -> bool {
        self.stuck >= STUCK_REPORTS && self.is_guessing(loss)
    }

    fn judge(&self, loss: f64) -> Option<Divergence> {
        let limit = TIMES * self.guessing.max(self.start.unwrap_or(f64::INFINITY));
        match loss {
            loss if !loss.is_finite() => Some(Divergence::NotFinite),
            loss if loss > limit => Some(Divergence::TooHigh { loss, limit }),
            _ => None,
        }
    }

    /// One class has nothing to guess.
    fn is_guessing(&self, loss: f64) -> bool {
        self.guessing > 0.0 && (loss - self.guessing).abs() <= NEAR * self.guessing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each report's verdict, then the end's.
    fn verdicts(classes: usize, losses: &[f64]) -> Vec<bool> {
        let mut watch = LossWatch::new(classes);
        let (last, reports) = losses.split_last().unwrap();
        let mut found: Vec<_> = reports.iter().map(|&loss| watch.report(loss).is_some()).collect();
        found.push(watch.end(*last).is_some());
        found
    }

    #[test]
    fn a_loss_that_is_not_finite_has_diverged_at_once() {
        for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(verdicts(10, &[loss, 1.0]), [true, false]);
            assert_eq!(verdicts(10, &[2.0, loss, 2.0]), [false, true, false]);
            assert_eq!(verdicts(10, &[2.0, loss]), [false, true]);
            assert_eq!(verdicts(10, &[loss]), [true], "with no report");
        }
    }

    #[test]
    fn a_loss_far_above_its_start_has_diverged_at_the_second_report_or_at_the_end() {
        // 100 times the start; ln 10 = 2.3026 if that is more
        assert_eq!(verdicts(10, &[5.0, 500.0, 500.0, 500.0]), [false; 4]);
        assert_eq!(verdicts(10, &[5.0, 501.0, 499.0, 501.0, 499.0]), [false; 5], "it came back each time");
        assert_eq!(verdicts(10, &[5.0, 501.0, 501.0, 1.0]), [false, false, true, false]);
        assert_eq!(verdicts(10, &[5.0, 1.0, 501.0]), [false, false, true]);
        assert_eq!(verdicts(10, &[1.0, 230.0, 230.0, 231.0]), [false, false, false, true]);
        assert_eq!(verdicts(1_000, &[1.0, 690.0, 691.0]), [false, false, true]);
        assert_eq!(verdicts(10, &[1e9]), [false], "nothing was trained");
        assert_eq!(verdicts(1, &[0.0, 0.0, 0.0]), [false; 3]);
    }

    #[test]
    fn a_loss_that_stays_at_that_of_guessing_is_stuck() {
        let stuck = |classes: usize, reports: &[f64], last| {
            let mut watch = LossWatch::new(classes);
            for &loss in reports {
                watch.report(loss);
            }
            watch.is_stuck(last)
        };
        assert!(stuck(10, &[3.95, 2.3056, 2.3012], 2.3010));
        assert!(!stuck(10, &[2.3056], 2.3012), "too few");
        assert!(!stuck(10, &[2.303, 2.303, 2.303], 2.28), "it learns");
        assert!(!stuck(10, &[2.303, 2.5, 2.303], 2.303), "not in a row");
        assert!(!stuck(26, &[2.303, 2.303, 2.303], 2.303), "of other classes");
        assert!(stuck(26, &[3.258, 3.258], 3.258));
        assert!(!stuck(1, &[0.0, 0.0, 0.0], 0.0));
    }

    #[test]
    fn a_divergence_says_its_numbers() {
        let text = Divergence::TooHigh { loss: 4.8e9, limit: 395.0 }.to_string();
        assert_eq!(
            text,
            "the loss is 4.800e9, more than 100 times 3.95000 (its start, or the loss of guessing)"
        );
    }
}
