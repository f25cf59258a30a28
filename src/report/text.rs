//! A training for people: a table that grows, and on a terminal a progress bar below it.

use std::io::{self, IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{DataLine, Listing, Reporter, Start, note};
use crate::{
    metrics::Metrics,
    train::{End, Figures, Observer, Reason, Report},
};

/// Writes the table to standard output; progress and messages go to standard error.
pub struct Text {
    listing: Listing,
    bar: ProgressBar,
    quiet: bool,
    /// With mini-batches a column says the epoch.
    epoch_iters: Option<usize>,
}

impl Text {
    /// `quiet` leaves only the result.
    pub fn new(quiet: bool) -> Self {
        Text { listing: Listing::default(), bar: ProgressBar::hidden(), quiet, epoch_iters: None }
    }

    /// A line of the table, for the weights that enter iteration `iter`.
    fn row(&mut self, name: &str, iter: usize, figures: Row) -> io::Result<()> {
        let percent = |metrics: &Metrics| format!("  {:>7.2} %", metrics.accuracy() * 100.0);
        let val = |metrics: &Metrics| format!("  {}{}", loss(metrics), percent(metrics));
        let epoch =
            self.epoch_iters.map_or(String::new(), |iters| format!("  {:>6.1}", iter as f64 / iters as f64));
        let Row { train, val: held_out, test, seconds } = figures;
        let text = format!(
            "{name:>8}{epoch}  {}  {:>8.2} %{}{}  {seconds:>8.2}",
            loss(&train),
            train.accuracy() * 100.0,
            held_out.as_ref().map_or(String::new(), val),
            percent(&test),
        );
        let listing = &mut self.listing;
        self.bar.suspend(|| listing.line(&text))
    }
}

/// In nine columns, whatever it is.
fn loss(metrics: &Metrics) -> String {
    match metrics.loss {
        loss if loss.abs() < 1000.0 => format!("{loss:>9.5}"),
        loss => format!("{loss:>9.3e}"),
    }
}

/// What a line says.
struct Row {
    train: Metrics,
    val: Option<Metrics>,
    test: Metrics,
    seconds: f64,
}

impl Observer for Text {
    fn report(&mut self, report: &Report) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let Report { iter, train, val, test, seconds } = *report;
        self.row(&iter.to_string(), iter, Row { train, val, test, seconds })
    }

    fn progress(&mut self, done: usize) {
        self.bar.set_position(done as u64);
    }
}

impl Reporter for Text {
    fn start(&mut self, start: &Start) -> io::Result<()> {
        self.epoch_iters = start.epoch_iters;
        if self.quiet {
            return Ok(());
        }
        let device = &start.device;
        note(&format!(
            "training {} on {} ({}, {}; {}), plan {}",
            start.network, device.name, device.backend, device.kind, device.driver, start.plan
        ));
        let DataLine { train, val, test, .. } = start.data;
        let held_out = val.map_or(String::new(), |val| format!(", {val} validation"));
        note(&format!("{train} training{held_out} and {test} test images"));
        let epoch = start.epoch_iters.map_or("", |_| "   epoch");
        let val = val.map_or("", |_| "   val loss    val acc");
        self.listing.line(&format!("    iter{epoch}       loss   train acc{val}   test acc   seconds"))?;
        if stderr().is_terminal() {
            self.bar = ProgressBar::with_draw_target(Some(start.iters as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} iterations, {eta} left") {
                self.bar.set_style(style);
            }
        }
        Ok(())
    }

    fn end(&mut self, end: &End, weights_sha256: &str) -> io::Result<()> {
        self.bar.finish_and_clear();
        if let Some(Figures { train, val, test }) = end.figures {
            self.row("final", end.iters, Row { train, val, test, seconds: end.seconds })?;
        }
        let stopped = match end.reason {
            Reason::Iters => "",
            Reason::Target => ", target reached",
            Reason::EarlyStop => ", stopped early",
            Reason::Interrupted | Reason::OutputLost(_) => ", interrupted",
            Reason::Diverged => ", diverged",
        };
        let pace = end.ms_per_iter.map_or(String::new(), |ms| format!(", {ms:.3} ms each"));
        self.listing.line(&format!("{} iterations{pace}{stopped}", end.iters))?;
        self.listing.line(&format!("weights sha256 {weights_sha256}"))
    }
}
