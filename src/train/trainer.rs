//! The loop over iterations.

use std::{
    collections::VecDeque,
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{Engine, Goal, Reason, ReportMetrics, TrainError, stopping::EarlyStopping};
use crate::{clock::Instant, data::Split, metrics::Metrics, net::Parameters};

/// How long to train and how often to report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainOptions {
    /// Updates of the weights.
    pub iters: usize,
    /// Reports come at 0, N, 2N, ... below `iters`.
    pub report_every: usize,
    /// What may end it before.
    pub goal: Goal,
}

/// A report of one iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// The iteration, from 0.
    pub iter: usize,
    /// Of the weights entering the iteration, from its own forward pass; with mini-batches, of all
    /// iterations since the last report, each by its own weights.
    pub train: Metrics,
    /// Of the weights entering the iteration; none where nothing is held out.
    pub val: Option<Metrics>,
    /// Of the weights entering the iteration.
    pub test: Metrics,
    /// Wall time since all was ready for the first iteration.
    pub seconds: f64,
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
    /// Of the final weights; none where nothing is held out.
    pub val: Option<Metrics>,
    /// Of the final weights.
    pub test: Metrics,
    /// Wall time since all was ready for the first iteration.
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
    /// If it could not be written: the training ends as after a signal.
    fn report(&mut self, report: &Report) -> io::Result<()>;

    /// `done` iterations have been started.
    fn progress(&mut self, done: usize);
}

/// Trains by `options`; `interrupted` is looked at before each submission.
///
/// The next iterations are started before a report's figures are there, but where a goal may end the
/// training: then a report waits for its evaluations, so that the weights are those that met it. Whether
/// to stop is decided at the reports, so that it does not depend on how fast the device is.
///
/// # Errors
/// What the engine or the observer met.
pub fn train(
    engine: &mut dyn Engine,
    options: &TrainOptions,
    observer: &mut dyn Observer,
    interrupted: &AtomicBool,
) -> Result<End, TrainError> {
    let start = Instant::now();
    let evaluated_before = engine.evaluating();
    let mut reports = Reports { start, pending: VecDeque::new(), ended: None };
    let mut reason = None;
    let mut stopping = EarlyStopping::new(options.goal);
    let mut done = 0;
    while done < options.iters {
        if interrupted.load(Ordering::Relaxed) {
            reason = Some(Reason::Interrupted);
            break;
        }
        if done % options.report_every == 0 {
            engine.drain(1)?;
            reports.pass_on(engine, observer);
            reason = reports.due(done);
            if reason.is_none() {
                reason = stopping.before_report(engine)?;
            }
            if reason.is_some() {
                break;
            }
            engine.report(if stopping.is_on() { &[] } else { &[Split::Val, Split::Test] })?;
            reports.pending.push_back(done);
            done += 1;
        } else {
            let next = done.next_multiple_of(options.report_every).min(options.iters);
            done += engine.iterate(next - done)?;
        }
        reports.pass_on(engine, observer);
        observer.progress(done);
    }
    engine.drain(0)?;
    let looping = start.elapsed().saturating_sub(engine.evaluating() - evaluated_before);
    reports.pass_on(engine, observer);
    let end = End {
        reason: reports.ended.map(|(_, why)| why).or(reason).unwrap_or(Reason::Iters),
        iters: done,
        train: evaluated(engine, Split::Train)?,
        val: engine.evaluate(Split::Val)?,
        test: evaluated(engine, Split::Test)?,
        seconds: start.elapsed().as_secs_f64(),
        ms_per_iter: (done > 0).then(|| looping.as_secs_f64() * 1e3 / done as f64),
        parameters: engine.parameters()?,
    };
    Ok(judged(end, options.goal))
}

/// Of a set that every training has.
fn evaluated(engine: &mut dyn Engine, split: Split) -> Result<Metrics, TrainError> {
    Ok(engine.evaluate(split)?.expect("there are always samples to train and to test"))
}

/// Reports whose figures are under way.
struct Reports {
    start: Instant,
    /// Their iterations.
    pending: VecDeque<usize>,
    /// Why to stop, and the iteration whose report showed it.
    ended: Option<(usize, Reason)>,
}

impl Reports {
    /// Passes on the reports whose figures have arrived.
    fn pass_on(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) {
        while let Some(ReportMetrics { train, val, test }) = engine.reported() {
            let Some(iter) = self.pending.pop_front() else { break };
            let seconds = self.start.elapsed().as_secs_f64();
            // After a loss that is not finite the figures mean nothing.
            if self.ended.is_some() {
                continue;
            }
            if let Err(error) = observer.report(&Report { iter, train, val, test, seconds }) {
                self.ended = Some((iter, Reason::OutputLost(error.kind())));
            } else if !train.loss.is_finite() {
                self.ended = Some((iter, Reason::Diverged));
            }
        }
    }

    /// Acts on a report only once a later iteration has been submitted, so that the stopping point does not
    /// depend on how fast the device is.
    fn due(&self, done: usize) -> Option<Reason> {
        self.ended.filter(|(iter, _)| iter + 2 <= done).map(|(_, reason)| reason)
    }
}

/// A training whose final weights or their loss are not finite has diverged, too; and one may reach its
/// target with the last step.
fn judged(mut end: End, goal: Goal) -> End {
    if !end.train.loss.is_finite() || end.parameters.values().any(|value| !value.is_finite()) {
        end.reason = Reason::Diverged;
    } else if end.reason == Reason::Iters && goal.reached(&end.val.unwrap_or(end.test)) {
        end.reason = Reason::Target;
    }
    end
}
