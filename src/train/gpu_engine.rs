//! The engine on a GPU: submissions of some milliseconds, at most two under way, recorded while the
//! device works. What a report needs is copied behind its submission, and picked up when that is done:
//! the queue never runs dry for it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Engine, Figures, Split, pace::Pace};
use crate::{
    Error, Result,
    gpu::{Command, Device, ReadBack, Slice, Submission},
    metrics::Metrics,
    network::{Counter, Parameters, Plan, PlanSizes},
};

/// More would not make the device busier, and their memory adds up.
const IN_FLIGHT: usize = 2;

/// Trains on a device by a plan.
pub struct OnGpu {
    device: Device,
    plan: Plan,
    sizes: PlanSizes,
    in_flight: VecDeque<Job>,
    pace: Pace,
    /// What each counter of samples must read, modulo 2^32.
    expected: Vec<u32>,
    arrived: VecDeque<Figures>,
    evaluating: Duration,
}

/// A submission under way.
struct Job {
    submission: Submission,
    start: Instant,
    commands: usize,
    purpose: Purpose,
    /// Of a report's last submission: its figures, and what the counters must read.
    then: Option<(ReadBack, Vec<u32>)>,
}

/// What a submission is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Iterate,
    Evaluate,
    /// An iteration whose metrics are wanted.
    Report,
}

impl OnGpu {
    /// Trains with `plan` on `device`.
    pub fn new(device: Device, plan: Plan, sizes: PlanSizes) -> Self {
        let expected = vec![0; plan.counters.len()];
        OnGpu {
            device,
            plan,
            sizes,
            in_flight: VecDeque::new(),
            pace: Pace::new(),
            expected,
            arrived: VecDeque::new(),
            evaluating: Duration::ZERO,
        }
    }

    /// What it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What it computes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Hands over a list of commands, in as many submissions as the pace says; `then` is for the last.
    fn submit(&mut self, list: fn(&Plan) -> &[Command], purpose: Purpose) -> Result<()> {
        let len = list(&self.plan).len();
        let mut start = 0;
        while start < len {
            self.drain(IN_FLIGHT - 1)?;
            let end = (start + self.pace.commands).min(len);
            let commands = &list(&self.plan)[start..end];
            let job = match purpose {
                Purpose::Report if end == len => {
                    let read_back = self.device.submit_and_read(commands, &self.totals());
                    let submission = read_back.submission.clone();
                    Job {
                        then: Some((read_back, self.expected.clone())),
                        ..job(submission, commands, purpose)
                    }
                }
                _ => job(self.device.submit(commands, 1), commands, purpose),
            };
            self.in_flight.push_back(job);
            start = end;
        }
        Ok(())
    }

    fn done(&mut self, job: &Job) -> Result<()> {
        self.device.wait(&job.submission)?;
        let took = self.pace.finished(job.start);
        match job.purpose {
            Purpose::Evaluate => self.evaluating += took,
            _ => self.pace.adapt(took, job.commands),
        }
        if let Some((read_back, expected)) = &job.then {
            let read = self.device.take(read_back)?;
            self.check_counters(expected, bytemuck::cast_slice(&read[4]))?;
            let (train, test) = (self.sizes.train, self.sizes.test);
            let figures = Figures { train: metrics(&read[..2], train), test: metrics(&read[2..4], test) };
            self.arrived.push_back(figures);
        }
        Ok(())
    }

    /// Totals of both sets, and the counters.
    fn totals(&self) -> Vec<Slice> {
        let Plan { train_totals, test_totals, samples_seen, .. } = &self.plan;
        train_totals.iter().chain(test_totals).chain([samples_seen]).cloned().collect()
    }

    fn check_counters(&self, expected: &[u32], seen: &[u32]) -> Result<()> {
        for ((counter, &expected), &seen) in self.plan.counters.iter().zip(expected).zip(seen) {
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

    fn expect(&mut self, times: usize, samples: fn(&Counter) -> usize) {
        for (expected, counter) in self.expected.iter_mut().zip(&self.plan.counters) {
            *expected = expected.wrapping_add((samples(counter) as u32).wrapping_mul(times as u32));
        }
    }
}

impl Engine for OnGpu {
    fn iterate(&mut self, most: usize) -> Result<usize> {
        let commands = self.plan.iteration.len();
        let count = (self.pace.commands / commands).clamp(1, most);
        self.expect(count, |counter| counter.iteration);
        if count == 1 {
            self.submit(|plan| &plan.iteration, Purpose::Iterate)?;
            return Ok(1);
        }
        self.drain(IN_FLIGHT - 1)?;
        let submission = self.device.submit(&self.plan.iteration, count);
        let single = job(submission, &self.plan.iteration, Purpose::Iterate);
        self.in_flight.push_back(Job { commands: count * commands, ..single });
        Ok(count)
    }

    fn report(&mut self) -> Result<()> {
        self.expect(1, |counter| counter.evaluate_test);
        self.submit(|plan| &plan.evaluate_test, Purpose::Evaluate)?;
        self.expect(1, |counter| counter.iteration);
        self.expect(1, |counter| counter.metrics);
        self.submit(|plan| &plan.iteration_with_metrics, Purpose::Report)
    }

    fn figures(&mut self) -> Option<Figures> {
        self.arrived.pop_front()
    }

    fn drain(&mut self, most: usize) -> Result<()> {
        while self.in_flight.len() > most {
            let Some(oldest) = self.in_flight.pop_front() else { break };
            self.done(&oldest)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Metrics> {
        match split {
            Split::Train => {
                self.submit(|plan| &plan.evaluate_train, Purpose::Evaluate)?;
                self.expect(1, |counter| counter.evaluate_train);
            }
            Split::Test => {
                self.submit(|plan| &plan.evaluate_test, Purpose::Evaluate)?;
                self.expect(1, |counter| counter.evaluate_test);
            }
        }
        self.drain(0)?;
        let read = self.device.read(&self.totals())?;
        self.check_counters(&self.expected, bytemuck::cast_slice(&read[4]))?;
        Ok(match split {
            Split::Train => metrics(&read[..2], self.sizes.train),
            Split::Test => metrics(&read[2..4], self.sizes.test),
        })
    }

    fn parameters(&mut self) -> Result<Parameters> {
        let bytes = self.device.read(&[Slice::clone(&self.plan.parameters)])?;
        let flat: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes[0]);
        Ok(self.sizes.layout.unpack(&flat, &self.sizes.shape))
    }

    fn evaluating(&self) -> Duration {
        self.evaluating
    }
}

fn job(submission: Submission, commands: &[Command], purpose: Purpose) -> Job {
    Job { submission, start: Instant::now(), commands: commands.len(), purpose, then: None }
}

/// From the sum of the losses, and the hits.
fn metrics(totals: &[Vec<u8>], samples: usize) -> Metrics {
    let loss_sum: f32 = bytemuck::pod_read_unaligned(&totals[0]);
    let hits: u32 = bytemuck::pod_read_unaligned(&totals[1]);
    Metrics { loss: f64::from(loss_sum) / samples as f64, hits: hits.into(), samples: samples as u64 }
}
