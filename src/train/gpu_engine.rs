//! The engine on a GPU: submissions of some milliseconds, at most two under way, recorded while the
//! device works. What a report needs is copied after its submission, and picked up when that is done:
//! the queue never runs dry for it.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Engine, Kept, ReportMetrics, Snapshot, Stop, TrainError,
    batch_feeder::{BatchFeeder, Inputs},
    job::{Job, PendingReport, Purpose, Totals, metrics, totals},
    keeper::Keeper,
    miscount::checked,
    pace::Pace,
};
use crate::{
    clock::Duration,
    data::Split,
    gpu::{Command, Device, ReadBack},
    metrics::Metrics,
    net::{Layout, Parameters},
    plan::{Buffers, PassId, Plan, PlanRequest, Program, Read},
};

/// More would not make the device busier, and their memory adds up.
const IN_FLIGHT: usize = 2;

/// Trains on a device by a plan.
pub struct GpuEngine {
    device: Arc<Device>,
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
    stop: Stop,
    keeper: Keeper,
}

impl GpuEngine {
    pub(super) fn new(
        device: Arc<Device>,
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
            stop: Stop::default(),
            keeper: Keeper::default(),
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

    /// Keeps the weights after whole iterations where submissions take long, from `start` on, the weights
    /// before the first one.
    pub fn keep(&mut self, start: Parameters) -> Kept {
        self.keeper.start(start)
    }

    /// Submits a pass, in as many submissions as the pace says; a report is read back after the last. If a
    /// stop comes before the parameters change, the rest is left out and this is false.
    fn submit(&mut self, pass: PassId, purpose: Purpose) -> Result<bool, TrainError> {
        self.expect(pass, 1);
        let len = self.program.pass(pass).len();
        let update = self.plan.update(pass).unwrap_or(len);
        let mut start = 0;
        while start < len {
            self.drain(IN_FLIGHT - 1)?;
            if self.stop.is_asked() && start <= update {
                return Ok(false);
            }
            let end = (start + self.pace.commands).min(len);
            let commands = &self.program.pass(pass)[start..end];
            let job = match purpose {
                Purpose::Report if end == len => self.report_job(commands),
                _ => Job::new(commands.len(), purpose, || self.device.submit(commands, 1)),
            };
            self.started(job)?;
            start = end;
        }
        Ok(true)
    }

    /// Submits the end of a report's iteration, and what is read back after it.
    fn report_job(&self, commands: &[Command]) -> Job {
        let (expected, samples) = (self.expected.clone(), self.since_report);
        let mut then = None;
        let job = Job::new(commands.len(), Purpose::Report, || {
            let read_back = self.read_back(commands, true);
            then.insert(PendingReport { read_back, expected, samples }).read_back.submission.clone()
        });
        Job { then, ..job }
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
        self.keeper.took(job.purpose, took);
        match job.purpose {
            Purpose::Evaluate => self.evaluating += took,
            _ => self.pace.adapt(took, job.commands),
        }
        if let Some(PendingReport { read_back, expected, samples }) = &job.then {
            let totals = totals(&self.device, &self.plan, read_back, expected)?;
            let lengths = self.request.lengths;
            let train = self.figures(&totals, PassId::IterateWithMetrics, *samples)?;
            let of = |split| self.figures(&totals, PassId::Evaluate(split), lengths.of(split));
            let (val, test) = (of(Split::Val)?, of(Split::Test)?);
            if let (Some(train), Some(test)) = (train, test) {
                self.reported.push_back(ReportMetrics { train, val, test });
            }
        }
        Ok(())
    }

    /// Submits commands, and reads back what a report has; then the totals that add up may begin anew.
    fn read_back(&self, commands: &[Command], clear: bool) -> ReadBack {
        let slice = |read: &Read| self.buffers.slice(read.view);
        let slices: Vec<_> = self.plan.report.iter().map(slice).collect();
        let cleared = self.plan.report.iter().filter(|read| clear && read.clear).map(slice);
        self.device.submit_and_read(commands, &slices, &cleared.map(Command::Clear).collect::<Vec<_>>())
    }

    /// The figures of the samples that a pass has gone through.
    fn figures(&self, totals: &Totals, pass: PassId, samples: usize) -> Result<Option<Metrics>, TrainError> {
        let split = if let PassId::Evaluate(split) = pass { split } else { Split::Train };
        checked(metrics(totals, split, samples), (&self.device, &self.plan, &self.buffers), (pass, split))
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

    /// Reads the weights back and keeps them.
    fn keep_now(&mut self) -> Result<(), TrainError> {
        self.drain(0)?;
        let snapshot = Snapshot { iters: self.feeder.iter(), parameters: self.parameters()? };
        self.keeper.keep(snapshot);
        Ok(())
    }

    /// Evaluates a set, and says whether that was begun: not if a stop came first.
    fn begin_evaluation(&mut self, split: Split) -> Result<bool, TrainError> {
        if self.keeper.wants_before_evaluation(self.feeder.iter()) {
            self.keep_now()?;
        }
        self.submit(PassId::Evaluate(split), Purpose::Evaluate)
    }
}

impl Engine for GpuEngine {
    fn heed(&mut self, stop: &Stop) {
        self.stop = stop.clone();
    }

    fn classes(&self) -> usize {
        self.plan.shape.classes()
    }

    fn iterate(&mut self, max: usize) -> Result<usize, TrainError> {
        self.keeper.iteration_begins();
        let max = self.feed(max);
        let next = self.next();
        let len = self.program.pass(next).len();
        let count = (self.pace.commands / len).clamp(1, max);
        if count == 1 {
            if !self.submit(next, Purpose::Iterate)? {
                return Ok(0);
            }
        } else {
            self.expect(next, count);
            self.drain(IN_FLIGHT - 1)?;
            if self.stop.is_asked() {
                return Ok(0);
            }
            let submit = || self.device.submit(self.program.pass(next), count);
            self.started(Job::new(count * len, Purpose::Iterate, submit))?;
        }
        self.advance(count);
        if self.keeper.wants_after_iteration(self.feeder.iter()) {
            self.keep_now()?;
        }
        Ok(count)
    }

    fn report(&mut self, evaluate: &[Split]) -> Result<bool, TrainError> {
        self.keeper.evaluation_begins();
        for &split in evaluate {
            self.begin_evaluation(split)?; // nothing, if the set is not there
        }
        self.keeper.iteration_begins();
        self.feed(1);
        let batches = self.request.recipe.batch.is_some();
        let next = if batches { self.next() } else { PassId::IterateWithMetrics };
        if !batches {
            self.since_report = 0;
        }
        self.advance(1);
        if !self.submit(next, Purpose::Report)? {
            return Ok(false);
        }
        self.since_report = 0;
        if self.keeper.wants_after_iteration(self.feeder.iter()) {
            self.keep_now()?;
        }
        Ok(true)
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
        let whole = self.begin_evaluation(split)?;
        self.drain(0)?;
        if !whole {
            return Ok(None);
        }
        // What is found of the training set is not added to that of the iterations after it.
        let read_back = self.read_back(&[], split == Split::Train);
        self.since_report = if split == Split::Train { 0 } else { self.since_report };
        let totals = totals(&self.device, &self.plan, &read_back, &self.expected)?;
        self.figures(&totals, PassId::Evaluate(split), self.request.lengths.of(split))
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
