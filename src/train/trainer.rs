//! The loop over iterations.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::{Engine, Split};
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
/// # Errors
/// What the engine or the observer met.
pub fn train(
    engine: &mut dyn Engine,
    schedule: Schedule,
    observer: &mut dyn Observer,
    interrupted: &AtomicBool,
) -> Result<End> {
    let start = Instant::now();
    let mut evaluating = Duration::ZERO;
    let mut done = 0;
    let mut reason = Reason::Iters;
    while done < schedule.iters {
        if interrupted.load(Ordering::Relaxed) {
            reason = Reason::Interrupted;
            break;
        }
        if done % schedule.report_every != 0 {
            let next = done.next_multiple_of(schedule.report_every).min(schedule.iters);
            done += engine.iterate(next - done)?;
            observer.progress(done);
            continue;
        }
        engine.finish()?;
        let clock = Instant::now();
        let test = engine.evaluate(Split::Test)?;
        evaluating += clock.elapsed();
        let iter = done;
        done += engine.iterate(1)?;
        let train = engine.metrics()?;
        match observer.report(&Report { iter, train, test, seconds: start.elapsed().as_secs_f64() }) {
            Err(Error::Output(error)) => {
                reason = Reason::OutputLost(error.kind());
                break;
            }
            told => told?,
        }
        observer.progress(done);
        if !train.loss.is_finite() {
            reason = Reason::Diverged;
            break;
        }
    }
    engine.finish()?;
    let looping = start.elapsed() - evaluating;
    let end = End {
        reason,
        iters: done,
        train: engine.evaluate(Split::Train)?,
        test: engine.evaluate(Split::Test)?,
        seconds: start.elapsed().as_secs_f64(),
        ms_per_iter: (done > 0).then(|| looping.as_secs_f64() * 1e3 / done as f64),
        parameters: engine.parameters()?,
    };
    Ok(judged(end))
}

/// A training whose final weights or their loss are not finite has diverged, too.
fn judged(mut end: End) -> End {
    if !end.train.loss.is_finite() || end.parameters.values().any(|value| !value.is_finite()) {
        end.reason = Reason::Diverged;
    }
    end
}
