//! When an engine keeps its weights on the host: where a single submission takes longer than a user waits
//! after Ctrl-C.

use super::{Kept, Snapshot, job::Purpose};
use crate::{clock::Duration, net::Parameters};

/// A submission that a stop does not wait for.
const SLOW: Duration = Duration::from_millis(250);

/// Follows how long submissions take. Nothing is slow as long as nobody wants the weights.
#[derive(Default)]
pub(super) struct Keeper {
    kept: Option<Kept>,
    /// Iterations of the weights that are kept.
    iters: Option<usize>,
    iteration: Longest,
    evaluation: Longest,
}

/// The longest submission of this round, and of the one before.
#[derive(Default)]
struct Longest {
    before: Duration,
    now: Duration,
}

impl Longest {
    fn next_round(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    fn is_slow(&self) -> bool {
        self.before.max(self.now) >= SLOW
    }
}

impl Keeper {
    /// Keeps from now on, at first the weights before the first iteration.
    pub fn start(&mut self, parameters: Parameters) -> Kept {
        let kept = self.kept.insert(Kept::default()).clone();
        self.keep(Snapshot { iters: 0, parameters });
        kept
    }

    /// Notes that a submission took so long.
    pub fn took(&mut self, purpose: Purpose, took: Duration) {
        let longest = match purpose {
            Purpose::Evaluate => &mut self.evaluation,
            Purpose::Iterate | Purpose::Report => &mut self.iteration,
        };
        longest.now = longest.now.max(took);
    }

    /// Notes that an iteration begins.
    pub fn iteration_begins(&mut self) {
        self.iteration.next_round();
    }

    /// Notes that a report's evaluations begin.
    pub fn evaluation_begins(&mut self) {
        self.evaluation.next_round();
    }

    /// Whether the weights after `iters` iterations must be kept before an evaluation.
    pub fn wants_before_evaluation(&self, iters: usize) -> bool {
        self.wants(&self.evaluation, iters)
    }

    /// Whether the weights after `iters` iterations must be kept. Where none are wanted, those of an earlier
    /// iteration are given up: the engine itself answers in time.
    pub fn wants_after_iteration(&mut self, iters: usize) -> bool {
        let wants = self.wants(&self.iteration, iters);
        if let (false, Some(kept), Some(_)) = (wants, &self.kept, self.iters) {
            kept.take();
            self.iters = None;
        }
        wants
    }

    fn wants(&self, longest: &Longest, iters: usize) -> bool {
        self.kept.is_some() && longest.is_slow() && self.iters != Some(iters)
    }

    /// Keeps these.
    pub fn keep(&mut self, snapshot: Snapshot) {
        self.iters = Some(snapshot.iters);
        if let Some(kept) = &self.kept {
            kept.replace(Some(snapshot));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        Parameters { layers: Vec::new() }
    }

    #[test]
    fn a_fast_device_keeps_nothing_after_the_first_iteration() {
        let mut keeper = Keeper::default();
        let kept = keeper.start(parameters());
        keeper.iteration_begins();
        keeper.took(Purpose::Iterate, SLOW / 2);
        assert!(!keeper.wants_after_iteration(1));
        assert_eq!(kept.take(), None);
        assert!(!keeper.wants_before_evaluation(1));
    }

    #[test]
    fn a_slow_device_keeps_every_iteration_once() {
        let mut keeper = Keeper::default();
        let kept = keeper.start(parameters());
        keeper.iteration_begins();
        keeper.took(Purpose::Iterate, SLOW);
        keeper.took(Purpose::Iterate, SLOW / 9);
        assert!(keeper.wants_after_iteration(1));
        keeper.keep(Snapshot { iters: 1, parameters: parameters() });
        assert!(!keeper.wants_before_evaluation(1), "evaluations are fast");
        keeper.took(Purpose::Evaluate, SLOW);
        assert!(!keeper.wants_before_evaluation(1), "they are kept already");
        assert!(keeper.wants_before_evaluation(2));
        keeper.iteration_begins();
        assert!(keeper.wants_after_iteration(2), "the iteration before was slow");
        assert_eq!(kept.take().map(|snapshot| snapshot.iters), Some(1));
    }

    #[test]
    fn one_slow_submission_is_forgotten_after_the_next_iteration() {
        let mut keeper = Keeper::default();
        keeper.start(parameters());
        keeper.iteration_begins();
        keeper.took(Purpose::Report, SLOW);
        keeper.iteration_begins();
        keeper.iteration_begins();
        assert!(!keeper.wants_after_iteration(3));
    }

    #[test]
    fn nothing_is_kept_where_nobody_asked_for_it() {
        let mut keeper = Keeper::default();
        keeper.took(Purpose::Iterate, SLOW);
        assert!(!keeper.wants_after_iteration(1));
    }
}
