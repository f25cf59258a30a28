//! The CPU engine, which does at once what it is asked.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{Engine, Figures};
use crate::{Result, data::Split, metrics::Metrics, network::Parameters, reference::CpuEngine};

/// Trains without a GPU.
pub struct OnCpu {
    engine: CpuEngine<f32>,
    /// Of the mini-batches since the last report.
    since_report: Option<Metrics>,
    /// What evaluations found last.
    found: BTreeMap<Split, Metrics>,
    figures: VecDeque<Figures>,
    evaluating: Duration,
}

impl OnCpu {
    /// Trains with `engine`.
    pub fn new(engine: CpuEngine<f32>) -> Self {
        OnCpu {
            engine,
            since_report: None,
            found: BTreeMap::new(),
            figures: VecDeque::new(),
            evaluating: Duration::ZERO,
        }
    }

    /// One iteration, and the metrics of all since the last report where they are mini-batches.
    fn step(&mut self) -> Metrics {
        let step = self.engine.iterate();
        let batches = self.engine.recipe().batch.is_some();
        let all = self.since_report.filter(|_| batches).map_or(step, |before| before.and(&step));
        self.since_report = Some(all);
        all
    }
}

impl Engine for OnCpu {
    fn iterate(&mut self, _most: usize) -> Result<usize> {
        self.step();
        Ok(1)
    }

    fn start_evaluations(&mut self) -> Result<()> {
        self.evaluate(Split::Val)?;
        self.evaluate(Split::Test).map(drop)
    }

    fn report(&mut self) -> Result<()> {
        let train = self.step();
        self.since_report = None;
        if let Some(&test) = self.found.get(&Split::Test) {
            self.figures.push_back(Figures { train, val: self.found.get(&Split::Val).copied(), test });
        }
        Ok(())
    }

    fn figures(&mut self) -> Option<Figures> {
        self.figures.pop_front()
    }

    fn drain(&mut self, _most: usize) -> Result<()> {
        Ok(())
    }

    fn evaluate(&mut self, split: Split) -> Result<Option<Metrics>> {
        let clock = Instant::now();
        let metrics = self.engine.evaluate(split);
        self.evaluating += clock.elapsed();
        self.found.extend(metrics.map(|metrics| (split, metrics)));
        Ok(metrics)
    }

    fn parameters(&mut self) -> Result<Parameters> {
        Ok(self.engine.parameters().clone())
    }

    fn evaluating(&self) -> Duration {
        self.evaluating
    }
}
