//! A training as JSON lines: one object a line on standard output and nothing else.

use serde_json::json;

use super::{Listing, Reporter, Start};
use crate::{
    Result,
    train::{End, Observer, Reason, Report},
};

/// Writes start, report and end events. A number that is not finite is null.
#[derive(Default)]
pub struct Json(Listing);

impl Observer for Json {
    fn report(&mut self, report: &Report) -> Result<()> {
        self.0.json(&json!({
            "event": "report",
            "iter": report.iter,
            "loss": report.train.loss,
            "train_acc": report.train.accuracy(),
            "test_acc": report.test.accuracy(),
            "seconds": report.seconds,
        }))
    }

    fn progress(&mut self, _done: usize) {}
}

impl Reporter for Json {
    fn start(&mut self, start: &Start) -> Result<()> {
        self.0.json(&json!({
            "event": "start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": start.device,
            "plan": start.plan,
            "data": start.data,
            "config": start.config,
        }))
    }

    fn end(&mut self, end: &End, weights_sha256: &str) -> Result<()> {
        let reason = match end.reason {
            Reason::Iters => "iters",
            Reason::Interrupted | Reason::OutputLost(_) => "interrupted",
            Reason::Diverged => "diverged",
        };
        self.0.json(&json!({
            "event": "end",
            "reason": reason,
            "iters": end.iters,
            "loss": end.train.loss,
            "train_acc": end.train.accuracy(),
            "test_acc": end.test.accuracy(),
            "seconds": end.seconds,
            "ms_per_iter": end.ms_per_iter,
            "weights_sha256": weights_sha256,
        }))
    }
}
