//! Measured times: a table for people, or JSON lines.

use std::io;

use serde_json::json;

use super::{DeviceLine, Listing};
use crate::{
    bench::{Clock, Iteration, Limits, Observer, Row, Started, Times},
    kernels::{Sizes, Source, sources},
};

/// What is known before anything is measured.
pub struct BenchHeader {
    /// Who computes.
    pub device: DeviceLine,
    /// Widths, such as 784-10-10.
    pub network: String,
    /// Training samples of an iteration.
    pub samples: usize,
    /// Samples of each time.
    pub rounds: usize,
}

/// Tells a bench, as JSON lines or as a table.
pub fn bench(json: bool, header: BenchHeader) -> Box<dyn Observer> {
    let listing = Listing::default();
    match json {
        true => Box::new(BenchJson { listing, header }),
        false => Box::new(BenchText { listing, header, verified: 0 }),
    }
}

struct BenchJson {
    listing: Listing,
    header: BenchHeader,
}

impl Observer for BenchJson {
    fn start(&mut self, started: &Started) -> io::Result<()> {
        self.listing.json(&json!({
            "event": "bench-start",
            "version": env!("CARGO_PKG_VERSION"),
            "device": self.header.device,
            "network": self.header.network,
            "samples": self.header.samples,
            "rounds": self.header.rounds,
            "clock": started.clock.name(),
            "why_host_clock": started.why_host,
        }))
    }

    fn limit(&mut self, row: &Row) -> io::Result<()> {
        self.listing.json(&row_json("limit", row))
    }

    fn kernel(&mut self, plan: Option<&'static str>, row: &Row, limits: &Limits) -> io::Result<()> {
        let mut object = row_json("kernel", row);
        object["plan"] = plan.into();
        object["calls"] = row.calls.into();
        object["flops_share"] = share(row.flops(), limits.flops).into();
        object["bytes_share"] = share(row.bytes(), limits.bytes).into();
        self.listing.json(&object)
    }

    fn not_run(&mut self, source: &'static Source) -> io::Result<()> {
        self.listing.json(&json!({"event": "not-run", "source": source.name, "why": source.why_no_way()}))
    }

    fn iteration(&mut self, iteration: &Iteration) -> io::Result<()> {
        let mut object = json!({
            "event": "iteration",
            "plan": iteration.plan,
            "samples": iteration.samples,
            "verified_samples": iteration.verified,
            "verified_iterations": iteration.compared,
            "flops": iteration.flops,
            "gflops": iteration.flops_rate().map(|rate| rate * 1e-9),
            "kernels_us": iteration.kernels.map(|seconds| seconds * 1e6),
        });
        add_outcome(&mut object, &iteration.outcome);
        self.listing.json(&object)
    }
}

fn row_json(event: &str, row: &Row) -> serde_json::Value {
    let Sizes { m, k, n, splits, classes, .. } = row.sizes;
    let mut object = json!({
        "event": event,
        "kernel": row.kernel,
        "source": row.source,
        "file": file_of(row),
        "m": m, "k": k, "n": n, "splits": splits, "classes": classes,
        "verified_m": row.verified.m,
        "verified_n": row.verified.n,
        "flops": row.flop,
        "bytes": row.bytes_bound,
        "gflops": row.flops().map(|rate| rate * 1e-9),
        "gbs": row.bytes().map(|rate| rate * 1e-9),
    });
    add_outcome(&mut object, &row.outcome);
    object
}

/// The file in `shaders/` that the row's kernel is in.
fn file_of(row: &Row) -> String {
    let source = sources().find(|source| source.name == row.source);
    source.map_or(String::new(), |source| format!("{}{}.wgsl", source.file.folder, source.file.name))
}

/// The time, or what is wrong; the other one is null.
fn add_outcome(object: &mut serde_json::Value, outcome: &Result<Option<Times>, String>) {
    let times = outcome.as_ref().ok().and_then(Option::as_ref);
    let us = |value: fn(&Times) -> f64| times.map(|times| value(times) * 1e6);
    object["median_us"] = us(Times::median).into();
    object["min_us"] = us(Times::min).into();
    object["max_us"] = us(Times::max).into();
    object["calls_a_round"] = times.map(|times| times.calls).into();
    object["clock"] = times.map(|times| times.clock.name()).into();
    object["wrong"] = outcome.as_ref().err().cloned().into();
}

fn share(rate: Option<f64>, limit: Option<f64>) -> Option<f64> {
    Some(rate? / limit?)
}

/// Columns of a text's name, and of all that comes before the times.
const NAME: usize = 38;
const WIDTH: usize = NAME + 28;

struct BenchText {
    listing: Listing,
    header: BenchHeader,
    /// Most samples that a kernel was verified on.
    verified: usize,
}

impl BenchText {
    fn row(&mut self, row: &Row, calls: &str, limits: &Limits) -> io::Result<()> {
        let start = format!("{:<NAME$}  {:<21} {calls:>5}", row.source, sizes_text(&row.sizes));
        let Some(times) = row.times() else { return self.wrong(&start, &row.outcome) };
        let cells = [
            figure(row.flops()),
            percent(share(row.flops(), limits.flops)),
            figure(row.bytes()),
            percent(share(row.bytes(), limits.bytes)),
        ];
        let [flops, flops_share, bytes, bytes_share] = cells;
        self.listing.line(&format!(
            "{start}  {}  {flops:>8} {flops_share:>7}  {bytes:>8} {bytes_share:>7}",
            microseconds(times)
        ))
    }

    fn wrong(&mut self, start: &str, outcome: &Result<Option<Times>, String>) -> io::Result<()> {
        let what = outcome.as_ref().err().map_or("not measured", String::as_str);
        self.listing.line(&format!("{start}  wrong: {what}"))
    }
}

impl Observer for BenchText {
    fn start(&mut self, started: &Started) -> io::Result<()> {
        let BenchHeader { device, network, samples, rounds } = &self.header;
        let clock = match (started.clock, &started.why_host) {
            (Clock::Device, _) => "the device's timestamps".to_owned(),
            (Clock::Host, None) => "the host's clock".to_owned(),
            (Clock::Host, Some(why)) => format!("the host's clock ({why})"),
        };
        let head = format!(
            "{network} on {} ({}, {}; {}), {samples} images\n{rounds} rounds, kernels by {clock}\n",
            device.name, device.backend, device.kind, device.driver
        );
        self.listing.line(&head)?;
        self.listing.line(&format!(
            "{:<NAME$}  {:<21} {:>5}  {:>10}  {:>21}  {:>8} {:>7}  {:>8} {:>7}",
            "text of a kernel",
            "m x k x n",
            "calls",
            "median us",
            "min..max us",
            "GFLOP/s",
            "limit",
            "GB/s",
            "limit"
        ))
    }

    fn limit(&mut self, row: &Row) -> io::Result<()> {
        self.row(row, "", &Limits::default())
    }

    fn kernel(&mut self, plan: Option<&'static str>, row: &Row, limits: &Limits) -> io::Result<()> {
        if plan.is_none() {
            // Of no iteration: at the sizes of a usual network.
            return self.row(row, "-", limits);
        }
        self.verified = self.verified.max(if row.sizes.k > 0 { row.verified.m } else { 0 });
        self.row(row, &row.calls.to_string(), limits)
    }

    fn not_run(&mut self, source: &'static Source) -> io::Result<()> {
        self.listing.line(&format!("{}: not measured, as it {}", source.name, source.why_no_way()))
    }

    fn iteration(&mut self, iteration: &Iteration) -> io::Result<()> {
        if let Some(kernels) = iteration.kernels {
            let sum = format!("{:<WIDTH$}  {:>10.1}", "kernels of an iteration, added up", kernels * 1e6);
            self.listing.line(&sum)?;
        }
        let start = format!("{:<WIDTH$}", format!("iteration, plan {}, by the host's clock", iteration.plan));
        match iteration.times() {
            Some(times) => {
                let flops = figure(iteration.flops_rate());
                self.listing.line(&format!("{start}  {}  {flops:>8}", microseconds(times)))?;
            }
            None => self.wrong(&start, &iteration.outcome)?,
        }
        self.listing.line(&format!(
            "verified before: kernels on up to {} images, the iteration {} times over on {} images\n",
            self.verified, iteration.compared, iteration.verified
        ))
    }
}

/// `60000x784x12`, or the sizes that a kernel has by their names.
fn sizes_text(s: &Sizes) -> String {
    if s.m > 0 && s.k > 0 && s.n > 0 {
        return format!("{}x{}x{}", s.m, s.k, s.n);
    }
    let named = [("m", s.m), ("k", s.k), ("n", s.n), ("s", s.splits)];
    let used = named.into_iter().filter(|&(_, size)| size > 0);
    used.map(|(name, size)| format!("{name}={size}")).collect::<Vec<_>>().join(" ")
}

fn microseconds(times: &Times) -> String {
    let [median, min, max] = [times.median(), times.min(), times.max()].map(|seconds| seconds * 1e6);
    format!("{median:>10.1}  {:>21}", format!("{min:.1}..{max:.1}"))
}

/// In 10^9 a second.
fn figure(rate: Option<f64>) -> String {
    rate.map_or("-".into(), |rate| format!("{:.2}", rate * 1e-9))
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.1} %", share * 100.0))
}
