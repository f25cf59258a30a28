//! What is under way on a device, and what comes back of it.

use std::collections::BTreeMap;

use super::TrainError;
use crate::{
    clock::Instant,
    data::Split,
    gpu::{Adapter, Device, ReadBack, Submission},
    metrics::Metrics,
    plan::{Plan, Reported},
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
    /// Begins before it is submitted: some drivers compute then, and return when they are done.
    pub fn new(commands: usize, purpose: Purpose, submit: impl FnOnce() -> Submission) -> Self {
        let start = Instant::now();
        Job { submission: submit(), start, commands, purpose, then: None }
    }
}

/// The figures of a set, and how many samples it has; `None` if it was not read back.
pub(super) fn metrics(totals: &Totals, split: Split, samples: usize) -> Option<Metrics> {
    let &(loss, correct) = totals.get(&split)?;
    Some(Metrics { loss: loss / samples as f64, correct, samples: samples as u64 })
}

/// What was read back, in the order of the plan, once the counters are what they must be.
pub(super) fn totals(
    device: &Device,
    plan: &Plan,
    read_back: &ReadBack,
    expected: &[u32],
) -> Result<Totals, TrainError> {
    let read = device.take(read_back)?;
    let mut totals = Totals::new();
    for (what, bytes) in plan.report.iter().map(|read| read.what).zip(&read) {
        match what {
            Reported::SamplesSeen => {
                check_counters(plan, device.adapter(), expected, bytemuck::pod_collect_to_vec(bytes))?
            }
            Reported::Loss(split) => {
                let losses: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
                totals.entry(split).or_default().0 = losses.into_iter().map(f64::from).sum();
            }
            Reported::Correct(split) => {
                let [correct, _]: [u32; 2] = bytemuck::pod_read_unaligned(bytes);
                totals.entry(split).or_default().1 = correct.into();
            }
        }
    }
    Ok(totals)
}

fn check_counters(
    plan: &Plan,
    adapter: &Adapter,
    expected: &[u32],
    seen: Vec<u32>,
) -> Result<(), TrainError> {
    for ((counter, &expected), seen) in plan.counters.iter().zip(expected).zip(seen) {
        if seen != expected {
            return Err(TrainError::SamplesMissed {
                kernel: counter.to_string(),
                device: adapter.to_string(),
                expected,
                seen,
            });
        }
    }
    Ok(())
}
