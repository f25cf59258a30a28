//! The loop over iterations.

use std::{collections::VecDeque, io};

use super::{
    Divergence, Engine, Goal, Hint, Reason, ReportMetrics, Stop, TrainError, divergence::LossWatch,
    hint::of_dead_units, stopping::EarlyStopping,
};
use crate::{
    clock::Instant,
    data::{Samples, Split},
    metrics::Metrics,
    net::Parameters,
    recipe::Activation,
};

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
    /// Of the final weights; `None` after a stop, which evaluates nothing.
    pub figures: Option<Figures>,
    /// Wall time since all was ready for the first iteration.
    pub seconds: f64,
    /// Wall time of the loop without evaluations, an iteration; none where there was none.
    pub ms_per_iter: Option<f64>,
    /// The final weights.
    pub parameters: Parameters,
    /// Why the training has diverged, if it has.
    pub divergence: Option<Divergence>,
    /// What may be wrong with it otherwise.
    pub hints: Vec<Hint>,
}

impl End {
    /// Adds a hint for each layer of dead units, by some of the training images.
    pub fn look_for_dead_units(&mut self, train: &Samples, activation: Activation) {
        if self.figures.is_some() && self.divergence.is_none() {
            let stuck = !self.hints.is_empty();
            self.hints.extend(of_dead_units(&self.parameters, train, activation, stuck));
        }
    }
}

/// What one more forward pass over each set finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Of all training samples.
    pub train: Metrics,
    /// `None` if nothing is held out.
    pub val: Option<Metrics>,
    /// Of the test samples.
    pub test: Metrics,
}

impl Figures {
    /// Those that a goal looks at: of the samples held out if there are any, else of the test samples.
    pub fn watched(&self) -> Metrics {
        self.val.unwrap_or(self.test)
    }
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

/// Trains by `options`. After a stop the iteration under way is given up and nothing is evaluated: the weights
/// are those of the last whole iteration.
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
    stop: &Stop,
) -> Result<End, TrainError> {
    engine.heed(stop);
    let start = Instant::now();
    let evaluated_before = engine.evaluating();
    let watch = LossWatch::new(engine.classes());
    let mut reports = Reports { start, pending: VecDeque::new(), ended: None, watch, divergence: None };
    let mut reason = None;
    let mut stopping = EarlyStopping::new(options.goal);
    let mut done = 0;
    while done < options.iters {
        if stop.is_asked() {
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
            if engine.report(if stopping.is_on() { &[] } else { &[Split::Val, Split::Test] })? {
                reports.pending.push_back(done);
                done += 1;
            }
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
    let reason = reports.ended.map(|(_, why)| why).or(reason).unwrap_or(Reason::Iters);
    let is_read = !matches!(reason, Reason::Interrupted | Reason::OutputLost(_));
    let figures = if is_read { figures(engine)? } else { None };
    let end = End {
        // A stop may come during the last evaluations, too.
        reason: if is_read && figures.is_none() { Reason::Interrupted } else { reason },
        iters: done,
        figures,
        seconds: start.elapsed().as_secs_f64(),
        ms_per_iter: (done > 0).then(|| looping.as_secs_f64() * 1e3 / done as f64),
        parameters: engine.parameters()?,
        divergence: reports.divergence,
        hints: Vec::new(),
    };
    Ok(judged(end, &reports.watch, engine.classes(), options.goal))
}

/// The figures of the present weights; `None` if a stop comes first.
fn figures(engine: &mut dyn Engine) -> Result<Option<Figures>, TrainError> {
    let [train, val, test] = [Split::Train, Split::Val, Split::Test].map(|split| engine.evaluate(split));
    let val = val?;
    Ok(train?.zip(test?).map(|(train, test)| Figures { train, val, test }))
}

/// Reports whose figures are under way.
struct Reports {
    start: Instant,
    /// Their iterations.
    pending: VecDeque<usize>,
    /// Why to stop, and the iteration whose report showed it.
    ended: Option<(usize, Reason)>,
    watch: LossWatch,
    divergence: Option<Divergence>,
}

impl Reports {
    /// Passes on the reports whose figures have arrived.
    fn pass_on(&mut self, engine: &mut dyn Engine, observer: &mut dyn Observer) {
        while let Some(ReportMetrics { train, val, test }) = engine.reported() {
            let Some(iter) = self.pending.pop_front() else { break };
            let seconds = self.start.elapsed().as_secs_f64();
            // After a divergence the figures mean nothing.
            if self.ended.is_some() {
                continue;
            }
            if let Err(error) = observer.report(&Report { iter, train, val, test, seconds }) {
                self.ended = Some((iter, Reason::OutputLost(error.kind())));
            } else if let Some(divergence) = self.watch.report(train.loss) {
                self.ended = Some((iter, Reason::Diverged));
                self.divergence = Some(divergence);
            }
        }
    }

    /// Acts on a report only once a later iteration has been submitted, so that the stopping point does not
    /// depend on how fast the device is.
    fn due(&self, done: usize) -> Option<Reason> {
        self.ended.filter(|(iter, _)| iter + 2 <= done).map(|(_, reason)| reason)
    }
}

/// A training may have diverged, or reached its target, with the last step.
fn judged(mut end: End, watch: &LossWatch, classes: usize, goal: Goal) -> End {
    let loss = end.figures.map(|figures| figures.train.loss);
    let not_finite = end.parameters.values().any(|value| !value.is_finite());
    let at_the_end = not_finite.then_some(Divergence::NotFinite).or(loss.and_then(|loss| watch.end(loss)));
    end.divergence = at_the_end.or(end.divergence);
    if end.divergence.is_some() {
        end.reason = Reason::Diverged;
    } else if end.reason == Reason::Iters && end.figures.is_some_and(|found| goal.reached(&found.watched())) {
        end.reason = Reason::Target;
    }
    let stuck = loss.filter(|&loss| end.divergence.is_none() && watch.is_stuck(loss));
    end.hints.extend(stuck.map(|loss| Hint::Stuck { loss, classes }));
    end
}
