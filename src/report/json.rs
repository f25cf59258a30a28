//! A training as JSON lines: one object a line on standard output and nothing else.

use std::io;

use serde_json::{Value, json};

use super::{Listing, Plans, Reporter, Start};
use crate::{
    metrics::Metrics,
    train::{End, Observer, Reason, Report},
};

/// Writes start, report and end events. A number that is not finite is null.
#[derive(Default)]
pub struct Json {
    listing: Listing,
    quiet: bool,
    epoch_iters: Option<usize>,
}

impl Json {
    /// `quiet` leaves only the end event.
    pub fn new(quiet: bool) -> Self {
        Json { quiet, ..Json::default() }
    }

    /// Writes an event of the weights of iteration `iter`, with what only some trainings have.
    fn event(&mut self, mut event: Value, iter: usize, val: Option<Metrics>) -> io::Result<()> {
        if let Some(iters) = self.epoch_iters {
            event["epoch"] = json!(iter as f64 / iters as f64);
        }
        if let Some(val) = val {
            event["val_loss"] = json!(val.loss);
            event["val_acc"] = json!(val.accuracy());
        }
        self.listing.json(&event)
    }
}

impl Observer for Json {
    fn report(&mut self, report: &Report) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let event = json!({
            "event": "report",
            "iter": report.iter,
            "loss": report.train.loss,
            "train_acc": report.train.accuracy(),
            "test_acc": report.test.accuracy(),
            "seconds": report.seconds,
        });
        self.event(event, report.iter, report.val)
    }

    fn progress(&mut self, _done: usize) {}
}

impl Reporter for Json {
    fn plans(&mut self, _plans: &Plans) -> io::Result<()> {
        Ok(())
    }

    fn start(&mut self, start: &Start) -> io::Result<()> {
        self.epoch_iters = start.epoch_iters;
        if self.quiet {
            return Ok(());
        }
        let mut data = json!(start.data);
        data["sha256"] = json!(start.data_sha256);
        self.listing.json(&json!({
            "event": "start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": start.device,
            "plan": start.plan,
            "data": data,
            "config": start.config,
        }))
    }

    fn end(&mut self, end: &End, weights_sha256: &str) -> io::Result<()> {
        let reason = match end.reason {
            Reason::Iters => "iters",
            Reason::Target => "target",
            Reason::EarlyStop => "early-stop",
            Reason::Interrupted | Reason::OutputLost(_) => "interrupted",
            Reason::Diverged => "diverged",
        };
        let mut event = json!({
            "event": "end",
            "reason": reason,
            "iters": end.iters,
            "loss": end.figures.map(|figures| figures.train.loss),
            "train_acc": end.figures.map(|figures| figures.train.accuracy()),
            "test_acc": end.figures.map(|figures| figures.test.accuracy()),
            "seconds": end.seconds,
            "ms_per_iter": end.ms_per_iter,
            "weights_sha256": weights_sha256,
        });
        if !end.hints.is_empty() {
            event["hints"] = end.hints.iter().map(ToString::to_string).collect();
        }
        self.event(event, end.iters, end.figures.and_then(|figures| figures.val))
    }
}
