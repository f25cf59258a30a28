//! The CPU engine, which does at once what it is asked.

use std::collections::{BTreeMap, VecDeque};

use super::{Engine, ReportMetrics, TrainError};
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
        }
    }

    /// One iteration, and the metrics of all since the last report if they are mini-batches.
    fn step(&mut self) -> Metrics {
        let step = self.engine.iterate();
        let batches = self.engine.recipe().batch.is_some();
        let all = self.since_report.filter(|_| batches).map_or(step, |before| before.and(&step));
        self.since_report = Some(all);
        all
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
    fn iterate(&mut self, _max: usize) -> Result<usize, TrainError> {
        self.step();
        Ok(1)
    }

    fn report(&mut self, evaluate: &[Split]) -> Result<(), TrainError> {
        for &split in evaluate {
            self.evaluate(split)?;
        }
        let (val, test) = (self.found(Split::Val)?, self.found(Split::Test)?);
        let train = self.step();
        self.since_report = None;
        self.reported.extend(test.map(|test| ReportMetrics { train, val, test }));
        Ok(())
    }

    fn reported(&mut self) -> Option<ReportMetrics> {
        self.reported.pop_front()
    }

    fn drain(&mut self, _max: usize) -> Result<(), TrainError> {
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>, TrainError> {
        let start = Instant::now();
        let metrics = self.engine.evaluate(split);
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
