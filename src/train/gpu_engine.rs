//! The engine on a GPU: submissions of some milliseconds, at most two under way, recorded while the
//! device works. What a report needs is copied behind its submission, and picked up when that is done:
//! the queue never runs dry for it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Engine, Figures, feed::Feed, pace::Pace};
use crate::{
    Error, Result,
    data::Split,
    gpu::{Command, Device, ReadBack, Slice, Submission},
    metrics::Metrics,
    network::{Parameters, Pass, Plan, PlanSizes},
};

/// More would not make the device busier, and their memory adds up.
const IN_FLIGHT: usize = 2;

/// Trains on a device by a plan.
pub struct OnGpu {
    device: Device,
    plan: Plan,
    sizes: PlanSizes,
    feed: Feed,
    in_flight: VecDeque<Job>,
    pace: Pace,
    /// What each counter of samples must read, modulo 2^32.
    expected: Vec<u32>,
    /// Samples of the mini-batches since the last report.
    since_report: usize,
    arrived: VecDeque<Figures>,
    evaluating: Duration,
}

/// A submission under way.
struct Job {
    submission: Submission,
    start: Instant,
    commands: usize,
    purpose: Purpose,
    /// Of a report's last submission.
    then: Option<Told>,
}

/// What comes back behind a report.
struct Told {
    read_back: ReadBack,
    /// What the counters must read.
    expected: Vec<u32>,
    /// Training samples that it is about.
    samples: usize,
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
            feed: Feed::new(sizes.recipe, sizes.lengths.train),
            sizes,
            since_report: 0,
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

    /// Hands over a pass, in as many submissions as the pace says; a report is told behind the last.
    fn submit(&mut self, pass: fn(&Plan) -> &Pass, purpose: Purpose) -> Result<()> {
        self.expect(pass, 1);
        let len = pass(&self.plan).commands.len();
        let mut start = 0;
        while start < len {
            self.drain(IN_FLIGHT - 1)?;
            let end = (start + self.pace.commands).min(len);
            let commands = &pass(&self.plan).commands[start..end];
            let job = match purpose {
                Purpose::Report if end == len => {
                    let read_back =
                        self.device.submit_and_read(commands, &self.totals(), &self.plan.clear_totals);
                    let submission = read_back.submission.clone();
                    let (expected, samples) = (self.expected.clone(), self.since_report);
                    Job {
                        then: Some(Told { read_back, expected, samples }),
                        ..job(submission, commands, purpose)
                    }
                }
                _ => job(self.device.submit(commands, 1), commands, purpose),
            };
            self.started(job)?;
            start = end;
        }
        Ok(())
    }

    /// Takes in a submission. Some drivers hand one over only when the one before is done: that is noted
    /// now, as later it would look as if it had taken longer.
    fn started(&mut self, job: Job) -> Result<()> {
        self.in_flight.push_back(job);
        while let Some(oldest) = self.in_flight.front() {
            if !self.device.is_done(&oldest.submission)? {
                break;
            }
            self.drain(self.in_flight.len() - 1)?;
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
        if let Some(Told { read_back, expected, samples }) = &job.then {
            let read = self.device.take(read_back)?;
            self.check_counters(expected, &read)?;
            let figures = Figures {
                train: self.metrics(&read, Split::Train, *samples),
                val: self.found(&read, Split::Val),
                test: self.metrics(&read, Split::Test, self.sizes.lengths.test),
            };
            self.arrived.push_back(figures);
        }
        Ok(())
    }

    /// The counters, and the totals of each set.
    fn totals(&self) -> Vec<Slice> {
        let totals = self.plan.sets.values().flat_map(|set| &set.totals);
        [&self.plan.samples_seen].into_iter().chain(totals).cloned().collect()
    }

    /// Of a set as its totals have come back; none where it is not there.
    fn found(&self, read: &[Vec<u8>], split: Split) -> Option<Metrics> {
        let there = self.plan.sets.contains_key(&split);
        there.then(|| self.metrics(read, split, self.sizes.lengths.of(split)))
    }

    /// From the sum of the losses, and the hits, of so many samples.
    fn metrics(&self, read: &[Vec<u8>], split: Split, samples: usize) -> Metrics {
        let place = 1 + 2 * self.plan.sets.range(..split).count();
        let losses: Vec<f32> = bytemuck::pod_collect_to_vec(&read[place]);
        let [hits, _]: [u32; 2] = bytemuck::pod_read_unaligned(&read[place + 1]);
        let loss = losses.into_iter().map(f64::from).sum::<f64>() / samples as f64;
        Metrics { loss, hits: hits.into(), samples: samples as u64 }
    }

    fn check_counters(&self, expected: &[u32], read: &[Vec<u8>]) -> Result<()> {
        let seen: Vec<u32> = bytemuck::pod_collect_to_vec(&read[0]);
        for ((kernel, &expected), seen) in self.plan.counters.iter().zip(expected).zip(seen) {
            if seen != expected {
                return Err(Error::SamplesMissed {
                    kernel: kernel.clone(),
                    device: self.device.adapter().to_string(),
                    expected,
                    seen,
                });
            }
        }
        Ok(())
    }

    /// Takes in that a pass is handed over `times` over.
    fn expect(&mut self, pass: fn(&Plan) -> &Pass, times: usize) {
        let Pass { samples, counters, .. } = pass(&self.plan);
        let added = (*samples as u32).wrapping_mul(times as u32);
        for &counter in counters {
            self.expected[counter] = self.expected[counter].wrapping_add(added);
        }
    }

    /// The pass of the next iteration.
    fn next(&self) -> fn(&Plan) -> &Pass {
        match &self.plan.short {
            Some(_) if self.feed.ends_epoch() => |plan| plan.short.as_ref().unwrap_or(&plan.iteration),
            _ => |plan| &plan.iteration,
        }
    }

    /// Takes in that `count` iterations are handed over.
    fn advance(&mut self, count: usize) {
        self.since_report += count * self.feed.rows();
        self.feed.advance(count);
    }
}

impl Engine for OnGpu {
    fn iterate(&mut self, most: usize) -> Result<usize> {
        let most = self.feed.prepare(&self.device, self.plan.ahead.as_ref(), most);
        let next = self.next();
        let commands = &next(&self.plan).commands;
        let count = (self.pace.commands / commands.len()).clamp(1, most);
        if count == 1 {
            self.submit(next, Purpose::Iterate)?;
        } else {
            self.expect(next, count);
            self.drain(IN_FLIGHT - 1)?;
            let commands = &next(&self.plan).commands;
            let submission = self.device.submit(commands, count);
            let single = job(submission, commands, Purpose::Iterate);
            self.started(Job { commands: count * commands.len(), ..single })?;
        }
        self.advance(count);
        Ok(count)
    }

    fn start_evaluations(&mut self) -> Result<()> {
        if self.plan.sets.contains_key(&Split::Val) {
            self.submit(|plan| &plan.sets[&Split::Val].evaluate, Purpose::Evaluate)?;
        }
        self.submit(|plan| &plan.sets[&Split::Test].evaluate, Purpose::Evaluate)
    }

    fn report(&mut self) -> Result<()> {
        self.feed.prepare(&self.device, self.plan.ahead.as_ref(), 1);
        let batches = self.sizes.recipe.batch.is_some();
        let with_metrics: fn(&Plan) -> &Pass = |plan| &plan.iteration_with_metrics;
        let next = if batches { self.next() } else { with_metrics };
        if !batches {
            self.since_report = 0;
        }
        self.advance(1);
        self.submit(next, Purpose::Report)?;
        self.since_report = 0;
        Ok(())
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

    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>> {
        if !self.plan.sets.contains_key(&split) {
            return Ok(None);
        }
        let evaluate: fn(&Plan) -> &Pass = match split {
            Split::Train => |plan| &plan.sets[&Split::Train].evaluate,
            Split::Val => |plan| &plan.sets[&Split::Val].evaluate,
            Split::Test => |plan| &plan.sets[&Split::Test].evaluate,
        };
        self.submit(evaluate, Purpose::Evaluate)?;
        self.drain(0)?;
        let read = self.device.read(&self.totals())?;
        self.check_counters(&self.expected, &read)?;
        Ok(self.found(&read, split))
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
