//! A training for people: a table that grows, and on a terminal a progress bar below it.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Listing, Reporter, Start, note};
use crate::{
    Result,
    metrics::Metrics,
    train::{End, Observer, Reason, Report},
};

/// Writes the table to standard output; progress and messages go to standard error.
pub struct Text {
    listing: Listing,
    bar: ProgressBar,
    quiet: bool,
}

impl Text {
    /// `quiet` leaves only the result.
    pub fn new(quiet: bool) -> Self {
        Text { listing: Listing::default(), bar: ProgressBar::hidden(), quiet }
    }

    fn row(&mut self, iter: &str, train: &Metrics, test: &Metrics, seconds: f64) -> Result<()> {
        let text = format!(
            "{iter:>8}  {:>9.5}  {:>8.2} %  {:>7.2} %  {seconds:>8.2}",
            train.loss,
            train.accuracy() * 100.0,
            test.accuracy() * 100.0,
        );
        let listing = &mut self.listing;
        self.bar.suspend(|| listing.line(&text))
    }
}

impl Observer for Text {
    fn report(&mut self, report: &Report) -> Result<()> {
        if self.quiet {
            return Ok(());
        }
        self.row(&report.iter.to_string(), &report.train, &report.test, report.seconds)
    }

    fn progress(&mut self, done: usize) {
        self.bar.set_position(done as u64);
    }
}

impl Reporter for Text {
    fn start(&mut self, start: &Start) -> Result<()> {
        if self.quiet {
            return Ok(());
        }
        let device = &start.device;
        note(&format!(
            "training {} on {} ({}, {}; {}), plan {}",
            start.network, device.name, device.backend, device.kind, device.driver, start.plan
        ));
        note(&format!("{} training and {} test images", start.data.train, start.data.test));
        self.listing.line("    iter       loss   train acc   test acc   seconds")?;
        if stderr().is_terminal() {
            self.bar = ProgressBar::with_draw_target(Some(start.iters as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} iterations, {eta} left") {
                self.bar.set_style(style);
            }
        }
        Ok(())
    }

    fn end(&mut self, end: &End, weights_sha256: &str) -> Result<()> {
        self.bar.finish_and_clear();
        self.row("final", &end.train, &end.test, end.seconds)?;
        let stopped = match end.reason {
            Reason::Iters => "",
            Reason::Interrupted | Reason::OutputLost(_) => ", interrupted",
            Reason::Diverged => ", diverged",
        };
        let pace = end.ms_per_iter.map_or(String::new(), |ms| format!(", {ms:.3} ms each"));
        self.listing.line(&format!("{} iterations{pace}{stopped}", end.iters))?;
        self.listing.line(&format!("weights sha256 {weights_sha256}"))
    }
}
