//! The engine on a GPU: submissions of some milliseconds (of one iteration, where that takes longer),
//! at most two under way, and a few bytes read back at a report.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Engine, Split};
use crate::{
    Error, Result,
    gpu::{Command, Device, Slice, Submission},
    metrics::Metrics,
    network::{Parameters, Plan, PlanSizes},
};

/// Work a submission should hold: long beside the cost of submitting, short beside the two seconds
/// after which Windows resets a card.
const SUBMISSION: Duration = Duration::from_millis(30);
/// Most iterations of one submission: bounds the memory of its commands.
const MAX_ITERATIONS: usize = 256;
/// More would not make the device busier, and their memory adds up.
const IN_FLIGHT: usize = 2;

/// Trains on a device by a plan.
pub struct OnGpu {
    device: Device,
    plan: Plan,
    sizes: PlanSizes,
    /// Submissions under way and their iterations.
    in_flight: VecDeque<(Submission, usize)>,
    pace: Pace,
    /// What each counter of samples must read, modulo 2^32.
    expected: Vec<u32>,
}

/// How many iterations make up a submission; it never changes a result.
struct Pace {
    iterations: usize,
    /// When the device last finished a submission and had another one at hand.
    busy_since: Option<Instant>,
}

impl OnGpu {
    /// Trains with `plan` on `device`.
    pub fn new(device: Device, plan: Plan, sizes: PlanSizes) -> Self {
        let expected = vec![0; plan.counters.len()];
        let pace = Pace { iterations: 1, busy_since: None };
        OnGpu { device, plan, sizes, in_flight: VecDeque::new(), pace, expected }
    }

    /// Reads totals and counters, and compares the counters with the samples there are.
    fn totals(&mut self, split: Split) -> Result<Metrics> {
        self.in_flight.clear();
        let ([loss_sum, hits], samples) = match split {
            Split::Train => (&self.plan.train_totals, self.sizes.train),
            Split::Test => (&self.plan.test_totals, self.sizes.test),
        };
        let slices = [loss_sum.clone(), hits.clone(), self.plan.samples_seen.clone()];
        let read = self.device.read(&slices)?;
        self.check_counters(bytemuck::cast_slice(&read[2]))?;
        let loss_sum: f32 = bytemuck::pod_read_unaligned(&read[0]);
        let hits: u32 = bytemuck::pod_read_unaligned(&read[1]);
        Ok(Metrics { loss: f64::from(loss_sum) / samples as f64, hits: hits.into(), samples: samples as u64 })
    }

    fn check_counters(&self, seen: &[u32]) -> Result<()> {
        for ((counter, &expected), &seen) in self.plan.counters.iter().zip(&self.expected).zip(seen) {
            if seen != expected {
                return Err(Error::SamplesMissed {
                    kernel: counter.kernel.clone(),
                    device: self.device.adapter().to_string(),
                    expected,
                    seen,
                });
            }
        }
        Ok(())
    }

    fn expect(&mut self, times: usize, samples: impl Fn(&crate::network::Counter) -> usize) {
        for (expected, counter) in self.expected.iter_mut().zip(&self.plan.counters) {
            *expected = expected.wrapping_add((samples(counter) as u32).wrapping_mul(times as u32));
        }
    }

    fn submit(&mut self, commands: fn(&Plan) -> &[Command], times: usize) {
        let submission = self.device.submit(commands(&self.plan), times);
        self.in_flight.push_back((submission, times));
    }

    /// Waits until at most `most` submissions are under way.
    fn drain(&mut self, most: usize) -> Result<()> {
        while self.in_flight.len() > most {
            let Some((oldest, iterations)) = self.in_flight.pop_front() else { break };
            self.device.wait(&oldest)?;
            self.pace.finished(iterations, !self.in_flight.is_empty());
        }
        Ok(())
    }
}

impl Engine for OnGpu {
    fn iterate(&mut self, most: usize) -> Result<usize> {
        self.drain(IN_FLIGHT - 1)?;
        let count = self.pace.iterations.min(most);
        self.submit(|plan| &plan.iteration, count);
        self.expect(count, |counter| counter.iteration);
        Ok(count)
    }

    fn finish(&mut self) -> Result<()> {
        self.drain(0)
    }

    fn metrics(&mut self) -> Result<Metrics> {
        self.submit(|plan| &plan.metrics, 1);
        self.expect(1, |counter| counter.metrics);
        self.totals(Split::Train)
    }

    fn evaluate(&mut self, split: Split) -> Result<Metrics> {
        self.finish()?;
        match split {
            Split::Train => {
                self.submit(|plan| &plan.evaluate_train, 1);
                self.expect(1, |counter| counter.evaluate_train);
            }
            Split::Test => {
                self.submit(|plan| &plan.evaluate_test, 1);
                self.expect(1, |counter| counter.evaluate_test);
            }
        }
        self.totals(split)
    }

    fn parameters(&mut self) -> Result<Parameters> {
        let bytes = self.device.read(&[Slice::clone(&self.plan.parameters)])?;
        let flat: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes[0]);
        Ok(self.sizes.layout.unpack(&flat, &self.sizes.shape))
    }
}

impl Pace {
    /// Takes in that a submission is done. The time since the one before it is its own only where
    /// the device went from the one to the other at once, so `busy` says whether another one waits.
    fn finished(&mut self, iterations: usize, busy: bool) {
        let now = Instant::now();
        if let Some(since) = self.busy_since {
            let fitting = SUBMISSION.div_duration_f64((now - since) / iterations as u32) as usize;
            self.iterations = fitting.clamp(1, (self.iterations * 2).min(MAX_ITERATIONS));
        }
        self.busy_since = busy.then_some(now);
    }
}
