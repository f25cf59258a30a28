//! The loop over iterations.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use super::{Engine, Figures, Split};
use crate::{Error, Result, metrics::Metrics, network::Parameters};

/// How long to train and how often to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Updates of the weights.
    pub iters: usize,
    /// Reports come at 0, N, 2N, ... below `iters`.
    pub report_every: usize,
}

/// What is told of one iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The iteration, from 0.
    pub iter: usize,
    /// Of the weights entering the iteration, from its own forward pass.
    pub train: Metrics,
    /// Of the same weights.
    pub test: Metrics,
    /// Wall time since the first submission.
    pub seconds: f64,
}

/// Why training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// All iterations are done.
    Iters,
    /// A signal asked to stop.
    Interrupted,
    /// The loss is not finite.
    Diverged,
    /// A report could not be written: the weights so far are kept, as after a signal.
    OutputLost(std::io::ErrorKind),
}

/// The end of a training: the final weights and their figures.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    /// Why it ended.
    pub reason: Reason,
    /// Iterations done.
    pub iters: usize,
    /// Of the final weights: one more forward pass.
    pub train: Metrics,
    /// Of the final weights.
    pub test: Metrics,
    /// Wall time since the first submission.
    pub seconds: f64,
    /// Wall time of the loop without evaluations, an iteration; none where there was none.
    pub ms_per_iter: Option<f64>,
    /// The final weights.
    pub parameters: Parameters,
}

/// Hears of the training as it goes.
pub trait Observer {
    /// A reporting step.
    ///
    /// # Errors
    /// Where it could not be told.
    fn report(&mut self, report: &Report) -> Result<()>;

    /// `done` iterations have been started.
    fn progress(&mut self, done: usize);
}

/// Trains by `schedule`; `interrupted` is looked at before each submission.
///
/// The next iterations are started before a report's figures are there. Whether to stop is decided at
/// the reports, so that it does not depend on how fast the device is.
///
/// # Errors
/// What the engine or the observer met.
pub fn train(
    engine: &mut dyn Engine,
    schedule: Schedule,
    observer: &mut dyn Observer,
    interrupted: &AtomicBool,
) -> Result<End> {
    let start = Instant::now();
    let mut open = Open { start, iters: VecDeque::new(), reason: None };
    let mut done = 0;
    while done < schedule.iters {
        if interrupted.load(Ordering::Relaxed) {
            open.reason = Some(Reason::Interrupted);
            break;
        }
        if done % schedule.report_every == 0 {
            engine.drain(1)?;
            open.tell(engine, observer)?;
            if open.reason.is_some() {
                break;
            }
            engine.report()?;
            open.iters.push_back(done);
            done += 1;
        } else {
            let next = done.next_multiple_of(schedule.report_every).min(schedule.iters);
            done += engine.iterate(next - done)?;
        }
        open.tell(engine, observer)?;
        observer.progress(done);
    }
    engine.drain(0)?;
    let looping = start.elapsed().saturating_sub(engine.evaluating());
    open.tell(engine, observer)?;
    let end = End {
        reason: open.reason.unwrap_or(Reason::Iters),
        iters: done,
        train: engine.evaluate(Split::Train)?,
        test: engine.evaluate(Split::Test)?,
        seconds: start.elapsed().as_secs_f64(),
        ms_per_iter: (done > 0).then(|| looping.as_secs_f64() * 1e3 / done as f64),
        parameters: engine.parameters()?,
    };
    Ok(judged(end))
}

/// Reports whose figures are under way.
struct Open {
    start: Instant,
    iters: VecDeque<usize>,
    /// Why to stop.
    reason: Option<Reason>,
}

impl Open {
    /// Tells the reports whose figures have arrived.
    fn tell(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) -> Result<()> {
        while let Some(Figures { train, test }) = engine.figures() {
            let Some(iter) = self.iters.pop_front() else { break };
            let seconds = self.start.elapsed().as_secs_f64();
            // What follows a loss that is not finite says nothing more.
            if matches!(self.reason, Some(Reason::Diverged | Reason::OutputLost(_))) {
                continue;
            }
            match observer.report(&Report { iter, train, test, seconds }) {
                Err(Error::Output(error)) => self.reason = Some(Reason::OutputLost(error.kind())),
                told => told?,
            }
            if !train.loss.is_finite() {
                self.reason.get_or_insert(Reason::Diverged);
            }
        }
        Ok(())
    }
}

/// A training whose final weights or their loss are not finite has diverged, too.
fn judged(mut end: End) -> End {
    if !end.train.loss.is_finite() || end.parameters.values().any(|value| !value.is_finite()) {
        end.reason = Reason::Diverged;
    }
    end
}
