//! The CPU engine, which does at once what it is asked.

use std::collections::{BTreeMap, VecDeque};

use super::{Engine, ReportMetrics, Stop, TrainError};
use crate::{
    clock::{Duration, Instant},
    data::Split,
    metrics::Metrics,
    net::Parameters,
    reference::CpuEngine,
};

/// Trains without a GPU.
pub struct CpuTrainer {
    engine: CpuEngine<f32>,
    /// Of the mini-batches since the last report.
    since_report: Option<Metrics>,
    /// What evaluations found last.
    found: BTreeMap<Split, Metrics>,
    reported: VecDeque<ReportMetrics>,
    evaluating: Duration,
    stop: Stop,
}

impl CpuTrainer {
    /// Trains with `engine`.
    pub fn new(engine: CpuEngine<f32>) -> Self {
        CpuTrainer {
            engine,
            since_report: None,
            found: BTreeMap::new(),
            reported: VecDeque::new(),
            evaluating: Duration::ZERO,
            stop: Stop::default(),
        }
    }

    /// One iteration, and the metrics of all since the last report if they are mini-batches; `None` if a
    /// stop came first.
    fn step(&mut self) -> Option<Metrics> {
        let step = self.engine.iterate_unless(&|| self.stop.is_asked())?;
        let batches = self.engine.recipe().batch.is_some();
        let all = self.since_report.filter(|_| batches).map_or(step, |before| before.and(&step));
        self.since_report = Some(all);
        Some(all)
    }

    /// The last figures of a set, which is evaluated if it has none.
    fn found(&mut self, split: Split) -> Result<Option<Metrics>, TrainError> {
        match self.found.get(&split) {
            Some(&found) => Ok(Some(found)),
            None => self.evaluate(split),
        }
    }
}

impl Engine for CpuTrainer {
    fn heed(&mut self, stop: &Stop) {
        self.stop = stop.clone();
    }

    fn classes(&self) -> usize {
        self.engine.parameters().layers.last().map_or(0, |layer| layer.bias.len())
    }

    fn iterate(&mut self, _max: usize) -> Result<usize, TrainError> {
        Ok(usize::from(self.step().is_some()))
    }

    fn report(&mut self, evaluate: &[Split]) -> Result<bool, TrainError> {
        for &split in evaluate {
            self.evaluate(split)?;
        }
        let (val, test) = (self.found(Split::Val)?, self.found(Split::Test)?);
        let Some(train) = self.step() else { return Ok(false) };
        self.since_report = None;
        self.reported.extend(test.map(|test| ReportMetrics { train, val, test }));
        Ok(true)
    }

    fn reported(&mut self) -> Option<ReportMetrics> {
        self.reported.pop_front()
    }

    fn drain(&mut self, _max: usize) -> Result<(), TrainError> {
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>, TrainError> {
        let start = Instant::now();
        let metrics = self.engine.evaluate_unless(split, &|| self.stop.is_asked());
        self.evaluating += start.elapsed();
        self.found.extend(metrics.map(|metrics| (split, metrics)));
        Ok(metrics)
    }

    fn parameters(&mut self) -> Result<Parameters, TrainError> {
        Ok(self.engine.parameters().clone())
    }

    fn evaluating(&self) -> Duration {
        self.evaluating
    }
}
