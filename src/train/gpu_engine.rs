//! The engine on a GPU: submissions of some milliseconds, at most two under way, recorded while the
//! device works. What a report needs is copied after its submission, and picked up when that is done:
//! the queue never runs dry for it.

use std::collections::VecDeque;

use super::{
    Engine, ReportMetrics, TrainError,
    batch_feeder::{BatchFeeder, Inputs},
    job::{Job, PendingReport, Purpose, Totals, metrics},
    pace::Pace,
};
use crate::{
    clock::Duration,
    data::Split,
    gpu::{Command, Device, Slice},
    metrics::Metrics,
    net::{Layout, Parameters},
    plan::{Buffers, PassId, Plan, PlanRequest, Program, Reported},
};

/// More would not make the device busier, and their memory adds up.
const IN_FLIGHT: usize = 2;

/// Trains on a device by a plan.
pub struct GpuEngine {
    device: Device,
    plan: Plan,
    buffers: Buffers,
    program: Program,
    request: PlanRequest,
    feeder: BatchFeeder,
    in_flight: VecDeque<Job>,
    pace: Pace,
    /// What each counter of samples must read, modulo 2^32.
    expected: Vec<u32>,
    /// Samples of the mini-batches since the last report.
    since_report: usize,
    reported: VecDeque<ReportMetrics>,
    evaluating: Duration,
}

impl GpuEngine {
    pub(super) fn new(
        device: Device,
        plan: Plan,
        buffers: Buffers,
        program: Program,
        request: PlanRequest,
    ) -> Self {
        GpuEngine {
            expected: vec![0; plan.counters.len()],
            feeder: BatchFeeder::new(request.recipe, request.lengths.train),
            device,
            plan,
            buffers,
            program,
            request,
            since_report: 0,
            in_flight: VecDeque::new(),
            pace: Pace::new(),
            reported: VecDeque::new(),
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

    /// The plan as commands.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The memory of the plan.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    /// Goes on with another program over the same buffers.
    pub fn replace(&mut self, program: Program) {
        self.program = program;
    }

    /// Submits a pass, in as many submissions as the pace says; a report is read back after the last.
    fn submit(&mut self, pass: PassId, purpose: Purpose) -> Result<(), TrainError> {
        self.expect(pass, 1);
        let len = self.program.pass(pass).len();
        let mut start = 0;
        while start < len {
            self.drain(IN_FLIGHT - 1)?;
            let end = (start + self.pace.commands).min(len);
            let commands = &self.program.pass(pass)[start..end];
            let job = match purpose {
                Purpose::Report if end == len => self.report_job(commands),
                _ => Job::new(self.device.submit(commands, 1), commands.len(), purpose),
            };
            self.started(job)?;
            start = end;
        }
        Ok(())
    }

    /// Submits the end of a report's iteration, and what is read back after it.
    fn report_job(&self, commands: &[Command]) -> Job {
        let clear = self.plan.report.iter().filter(|read| read.clear);
        let clear: Vec<_> = clear.map(|read| Command::Clear(self.buffers.slice(read.view))).collect();
        let read_back = self.device.submit_and_read(commands, &self.report_slices(), &clear);
        let submission = read_back.submission.clone();
        let (expected, samples) = (self.expected.clone(), self.since_report);
        Job {
            then: Some(PendingReport { read_back, expected, samples }),
            ..Job::new(submission, commands.len(), Purpose::Report)
        }
    }

    /// Notes a submission. Some drivers accept one only when the one before is done: that is noted now, as
    /// later it would look as if it had taken longer.
    fn started(&mut self, job: Job) -> Result<(), TrainError> {
        self.in_flight.push_back(job);
        while let Some(oldest) = self.in_flight.front() {
            if !self.device.is_done(&oldest.submission)? {
                break;
            }
            self.drain(self.in_flight.len() - 1)?;
        }
        Ok(())
    }

    fn done(&mut self, job: &Job) -> Result<(), TrainError> {
        self.device.wait(&job.submission)?;
        let took = self.pace.finished(job.start);
        match job.purpose {
            Purpose::Evaluate => self.evaluating += took,
            _ => self.pace.adapt(took, job.commands),
        }
        if let Some(PendingReport { read_back, expected, samples }) = &job.then {
            let totals = self.totals(&self.device.take(read_back)?, expected)?;
            let of = |split, samples| metrics(&totals, split, samples);
            if let (Some(train), Some(test)) =
                (of(Split::Train, *samples), of(Split::Test, self.request.lengths.test))
            {
                let val = of(Split::Val, self.request.lengths.val);
                self.reported.push_back(ReportMetrics { train, val, test });
            }
        }
        Ok(())
    }

    fn report_slices(&self) -> Vec<Slice> {
        self.plan.report.iter().map(|read| self.buffers.slice(read.view)).collect()
    }

    /// What was read back, in the order of the plan, once the counters are what they must be.
    fn totals(&self, read: &[Vec<u8>], expected: &[u32]) -> Result<Totals, TrainError> {
        let mut totals = Totals::new();
        for (what, bytes) in self.plan.report.iter().map(|read| read.what).zip(read) {
            match what {
                Reported::SamplesSeen => {
                    self.check_counters(expected, bytemuck::pod_collect_to_vec(bytes))?
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

    fn check_counters(&self, expected: &[u32], seen: Vec<u32>) -> Result<(), TrainError> {
        for ((counter, &expected), seen) in self.plan.counters.iter().zip(expected).zip(seen) {
            if seen != expected {
                return Err(TrainError::SamplesMissed {
                    kernel: counter.to_string(),
                    device: self.device.adapter().to_string(),
                    expected,
                    seen,
                });
            }
        }
        Ok(())
    }

    /// Notes that a pass is submitted `times` over.
    fn expect(&mut self, pass: PassId, times: usize) {
        for (counter, samples) in self.plan.counts(pass) {
            let added = (samples as u32).wrapping_mul(times as u32);
            self.expected[counter] = self.expected[counter].wrapping_add(added);
        }
    }

    /// The pass of the next iteration.
    fn next(&self) -> PassId {
        let has_short = self.plan.passes.contains_key(&PassId::IterateShort);
        if has_short && self.feeder.ends_epoch() { PassId::IterateShort } else { PassId::Iterate }
    }

    /// Writes what the next iterations need, and returns how many of `max` can follow in a row.
    fn feed(&mut self, max: usize) -> usize {
        let inputs = self.plan.step_inputs.as_ref().map(|steps| Inputs {
            device: &self.device,
            buffers: &self.buffers,
            steps,
            betas: self.program.betas,
        });
        self.feeder.prepare(inputs, max)
    }

    /// Notes that `count` iterations are submitted.
    fn advance(&mut self, count: usize) {
        self.since_report += count * self.feeder.rows();
        self.feeder.advance(count);
    }
}

impl Engine for GpuEngine {
    fn iterate(&mut self, max: usize) -> Result<usize, TrainError> {
        let max = self.feed(max);
        let next = self.next();
        let len = self.program.pass(next).len();
        let count = (self.pace.commands / len).clamp(1, max);
        if count == 1 {
            self.submit(next, Purpose::Iterate)?;
        } else {
            self.expect(next, count);
            self.drain(IN_FLIGHT - 1)?;
            let submission = self.device.submit(self.program.pass(next), count);
            self.started(Job::new(submission, count * len, Purpose::Iterate))?;
        }
        self.advance(count);
        Ok(count)
    }

    fn report(&mut self, evaluate: &[Split]) -> Result<(), TrainError> {
        for &split in evaluate {
            self.submit(PassId::Evaluate(split), Purpose::Evaluate)?; // nothing, if the set is not there
        }
        self.feed(1);
        let batches = self.request.recipe.batch.is_some();
        let next = if batches { self.next() } else { PassId::IterateWithMetrics };
        if !batches {
            self.since_report = 0;
        }
        self.advance(1);
        self.submit(next, Purpose::Report)?;
        self.since_report = 0;
        Ok(())
    }

    fn reported(&mut self) -> Option<ReportMetrics> {
        self.reported.pop_front()
    }

    fn drain(&mut self, max: usize) -> Result<(), TrainError> {
        while self.in_flight.len() > max {
            let Some(oldest) = self.in_flight.pop_front() else { break };
            self.done(&oldest)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>, TrainError> {
        if !self.plan.passes.contains_key(&PassId::Evaluate(split)) {
            return Ok(None);
        }
        self.submit(PassId::Evaluate(split), Purpose::Evaluate)?;
        self.drain(0)?;
        let totals = self.totals(&self.device.read(&self.report_slices())?, &self.expected)?;
        Ok(metrics(&totals, split, self.request.lengths.of(split)))
    }

    fn parameters(&mut self) -> Result<Parameters, TrainError> {
        let bytes = self.device.read(&[self.buffers.slice(self.plan.parameters)])?;
        let flat: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes[0]);
        Ok(Layout::new(&self.plan.shape).unpack(&flat, &self.plan.shape))
    }

    fn evaluating(&self) -> Duration {
        self.evaluating
    }
}
