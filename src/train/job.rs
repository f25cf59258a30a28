//! What is under way on a device, and what comes back of it.

use std::collections::BTreeMap;

use crate::{
    clock::Instant,
    data::Split,
    gpu::{ReadBack, Submission},
    metrics::Metrics,
};

/// A submission under way.
pub(super) struct Job {
    pub submission: Submission,
    pub start: Instant,
    pub commands: usize,
    pub purpose: Purpose,
    /// Of a report's last submission.
    pub then: Option<PendingReport>,
}

/// What comes back after a report.
pub(super) struct PendingReport {
    pub read_back: ReadBack,
    /// What the counters must read.
    pub expected: Vec<u32>,
    /// Training samples that it is about.
    pub samples: usize,
}

/// What a submission is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Iterate,
    Evaluate,
    /// An iteration whose metrics are wanted.
    Report,
}

/// Sum of the losses and correct predictions by set, as they were read back.
pub(super) type Totals = BTreeMap<Split, (f64, u64)>;

impl Job {
    pub fn new(submission: Submission, commands: usize, purpose: Purpose) -> Self {
        Job { submission, start: Instant::now(), commands, purpose, then: None }
    }
}

/// The figures of a set, and how many samples it has; `None` if it was not read back.
pub(super) fn metrics(totals: &Totals, split: Split, samples: usize) -> Option<Metrics> {
    let &(loss, correct) = totals.get(&split)?;
    Some(Metrics { loss: loss / samples as f64, correct, samples: samples as u64 })
}
