//! What ends a training before its iterations are done.

use super::{Engine, Reason};
use crate::{Result, data::Split, metrics::Metrics};

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
        // The slack is less than a hit, and more than a decimal target is off in binary.
        let wanted = |target: f64| target * found.samples as f64 * (1.0 - 1e-12);
        self.target.is_some_and(|target| found.hits as f64 * 100.0 >= wanted(target))
    }
}

/// Follows a training towards its goal.
pub(super) struct Watch {
    goal: Goal,
    lowest_loss: f64,
    /// Reports since then.
    since: usize,
}

impl Watch {
    pub fn new(goal: Goal) -> Self {
        Watch { goal, lowest_loss: f64::INFINITY, since: 0 }
    }

    /// Starts the evaluations of a report; waits for them where they may end the training, and says
    /// whether they do.
    ///
    /// # Errors
    /// What the engine met.
    pub fn before_report(&mut self, engine: &mut dyn Engine) -> Result<Option<Reason>> {
        if self.goal == Goal::default() {
            engine.start_evaluations()?;
            return Ok(None);
        }
        let val = engine.evaluate(Split::Val)?;
        let test = engine.evaluate(Split::Test)?;
        Ok(val.or(test).and_then(|watched| self.judge(&watched)))
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

    fn metrics(loss: f64, hits: u64) -> Metrics {
        Metrics { loss, hits, samples: 1000 }
    }

    #[test]
    fn patience_counts_reports_without_a_lower_loss() {
        let mut watch = Watch::new(Goal { patience: Some(2), target: None });
        let mut judge = |loss| watch.judge(&metrics(loss, 1000));
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
            for hits in 1..=samples {
                let found = Metrics { loss: 1.0, hits, samples };
                let target = format!("{}.{:02}", hits * 100 / samples, hits * 10_000 / samples % 100);
                let goal = Goal { target: target.parse().ok(), patience: None };
                assert!(goal.reached(&found), "{target} % of {samples}");
                assert!(!goal.reached(&Metrics { hits: hits - 1, ..found }), "{target} % of {samples}");
            }
        }
        assert!(!Goal::default().reached(&metrics(0.0, 1000)));
        assert_eq!(Watch::new(goal).judge(&metrics(1.0, 980)), Some(Reason::Target));
    }
}
