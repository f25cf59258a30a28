//! A training for people: a table that grows, and on a terminal a progress bar below it.

use std::io::{self, IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Listing, Plans, Reporter, Start, heading};
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
        let percent = |metrics: &Metrics| format!(" {:>6.2}", metrics.accuracy() * 100.0);
        let val = |metrics: &Metrics| format!(" {}{}", loss(metrics), percent(metrics));
        let epoch =
            self.epoch_iters.map_or(String::new(), |iters| format!(" {:>6.1}", iter as f64 / iters as f64));
        let Row { train, val: held_out, test, seconds } = figures;
        let text = format!(
            "{name:>7}{epoch} {}{}{}{} {}",
            loss(&train),
            percent(&train),
            held_out.as_ref().map_or(String::new(), val),
            percent(&test),
            in_six(seconds),
        );
        let listing = &mut self.listing;
        self.bar.suspend(|| listing.line(&text))
    }
}

/// In eight columns, whatever it is.
fn loss(metrics: &Metrics) -> String {
    match metrics.loss {
        loss if loss < 99.0 => format!("{loss:>8.5}"),
        loss if loss < 9999.0 => format!("{loss:>8.3}"),
        loss => format!("{loss:>8.2e}"),
    }
}

/// Seconds in six columns for ten days, and as many digits as fit.
fn in_six(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 999.0 => format!("{seconds:>6.2}"),
        seconds if seconds < 9999.0 => format!("{seconds:>6.1}"),
        seconds => format!("{seconds:>6.0}"),
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
    fn plans(&mut self, plans: &Plans) -> io::Result<()> {
        if self.quiet { Ok(()) } else { heading::plans(&mut self.listing, plans) }
    }

    fn start(&mut self, start: &Start) -> io::Result<()> {
        self.epoch_iters = start.epoch_iters;
        if self.quiet {
            return Ok(());
        }
        heading::found(&mut self.listing, start)?;
        let epoch = start.epoch_iters.map_or("", |_| "  epoch");
        let val = start.data.val.map_or("", |_| " val loss   val%");
        self.listing.line(&format!("   iter{epoch}     loss train%{val}  test%    sec"))?;
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
