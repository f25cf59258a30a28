//! What ends a training, and when it does so before its iterations are done.

use std::io;

use super::{Engine, TrainError};
use crate::{data::Split, metrics::Metrics};

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// All iterations are done.
    Iters,
    /// The accuracy that was asked for is reached.
    Target,
    /// The validation loss has not fallen for as many reports as were asked for.
    EarlyStop,
    /// A signal asked to stop.
    Interrupted,
    /// See [`Divergence`](super::Divergence).
    Diverged,
    /// A report could not be written: the weights so far are kept, as after a signal.
    OutputLost(io::ErrorKind),
}

/// When to stop early.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Goal {
    /// Accuracy in percent at which to stop: of the samples held out where there are any, else of the
    /// test samples.
    pub target: Option<f64>,
    /// Reports in a row without a lower validation loss at which to stop.
    pub patience: Option<usize>,
}

impl Goal {
    /// Whether the target is reached.
    pub fn reached(&self, found: &Metrics) -> bool {
        // The slack is less than one prediction, and more than a decimal target is off in binary.
        let wanted = |target: f64| target * found.samples as f64 * (1.0 - 1e-12);
        self.target.is_some_and(|target| found.correct as f64 * 100.0 >= wanted(target))
    }
}

/// Follows a training towards its goal.
pub(super) struct EarlyStopping {
    goal: Goal,
    lowest_loss: f64,
    /// Reports since then.
    since: usize,
}

impl EarlyStopping {
    pub fn new(goal: Goal) -> Self {
        EarlyStopping { goal, lowest_loss: f64::INFINITY, since: 0 }
    }

    /// Evaluates before a report if that may end the training, and returns why it ends. Without a goal
    /// nothing is waited for.
    ///
    /// # Errors
    /// What the engine met.
    pub fn before_report(&mut self, engine: &mut dyn Engine) -> Result<Option<Reason>, TrainError> {
        if !self.is_on() {
            return Ok(None);
        }
        let val = engine.evaluate(Split::Val)?;
        let test = engine.evaluate(Split::Test)?;
        Ok(val.or(test).and_then(|watched| self.judge(&watched)))
    }

    /// Whether a report may end the training.
    pub fn is_on(&self) -> bool {
        self.goal != Goal::default()
    }

    fn judge(&mut self, watched: &Metrics) -> Option<Reason> {
        if self.goal.reached(watched) {
            return Some(Reason::Target);
        }
        if watched.loss < self.lowest_loss {
            (self.lowest_loss, self.since) = (watched.loss, 0);
        } else {
            self.since += 1;
        }
        let patience = self.goal.patience?;
        (self.since >= patience).then_some(Reason::EarlyStop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(loss: f64, correct: u64) -> Metrics {
        Metrics { loss, correct, samples: 1000 }
    }

    #[test]
    fn patience_counts_reports_without_a_lower_loss() {
        let mut stopping = EarlyStopping::new(Goal { patience: Some(2), target: None });
        let mut judge = |loss| stopping.judge(&metrics(loss, 1000));
        for loss in [3.0, 2.0, 2.5, 1.9, 1.9] {
            assert_eq!(judge(loss), None, "{loss}");
        }
        assert_eq!(judge(f64::NAN), Some(Reason::EarlyStop));
    }

    #[test]
    fn a_target_is_reached_at_its_percentage() {
        let goal = Goal { target: Some(97.5), patience: None };
        assert!(goal.reached(&metrics(1.0, 975)) && !goal.reached(&metrics(1.0, 974)));
        for samples in [100, 10_000] {
            for correct in 1..=samples {
                let found = Metrics { loss: 1.0, correct, samples };
                let target = format!("{}.{:02}", correct * 100 / samples, correct * 10_000 / samples % 100);
                let goal = Goal { target: target.parse().ok(), patience: None };
                assert!(goal.reached(&found), "{target} % of {samples}");
                assert!(!goal.reached(&Metrics { correct: correct - 1, ..found }), "{target} % of {samples}");
            }
        }
        assert!(!Goal::default().reached(&metrics(0.0, 1000)));
        assert_eq!(EarlyStopping::new(goal).judge(&metrics(1.0, 980)), Some(Reason::Target));
    }
}
