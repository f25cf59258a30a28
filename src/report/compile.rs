//! What compiling took: a table for people, or JSON lines.

use std::io;

use serde_json::json;

use super::{DeviceLine, Listing};
use crate::bench::{CompileJob, Compiled};

/// What compiling took, a line for each job as it ends: a table, or JSON lines.
pub struct CompileTable {
    listing: Listing,
    json: bool,
}

impl CompileTable {
    /// Names the device.
    ///
    /// # Errors
    /// If standard output cannot be written, as for the other methods.
    pub fn start(json: bool, device: &DeviceLine) -> io::Result<Self> {
        let mut listing = Listing::default();
        if json {
            let version = env!("CARGO_PKG_VERSION");
            listing.json(&json!({ "event": "compile-start", "version": version, "device": device }))?;
        } else {
            let DeviceLine { name, backend, kind, driver } = device;
            listing.line(&format!("{name} ({backend}, {kind}; {driver}), without shader caches\n"))?;
            listing.line(&format!(
                "{:<28} {:>5} {:>5} {:>6}  {:>8}  {:>8}  {:>12}",
                "kernels", "lanes", "words", "hidden", "seconds", "MB", "MB at start"
            ))?;
        }
        Ok(CompileTable { listing, json })
    }

    /// A job, and what it took or how it failed.
    ///
    /// # Errors
    /// As above.
    pub fn row(&mut self, job: &CompileJob, outcome: &Result<Compiled, String>) -> io::Result<()> {
        match self.json {
            true => self.listing.json(&compile_json(job, outcome)),
            false => self.listing.line(&compile_text(job, outcome)),
        }
    }

    /// The result of the one job of this process, for the process that started it.
    ///
    /// # Errors
    /// As above.
    pub fn only(compiled: &Compiled) -> io::Result<()> {
        Listing::default().json(&json!(compiled))
    }
}

fn compile_json(job: &CompileJob, outcome: &Result<Compiled, String>) -> serde_json::Value {
    let compiled = outcome.as_ref().ok();
    json!({
        "event": "compile",
        "plan": job.kind.name(),
        "source": job.source(),
        "lanes": job.lanes(),
        "words": job.words(),
        "hidden": job.hidden,
        "seconds": compiled.map(|compiled| compiled.seconds),
        "memory_mb": compiled.and_then(|compiled| compiled.memory_mb),
        "before_mb": compiled.and_then(|compiled| compiled.before_mb),
        "failed": outcome.as_ref().err(),
    })
}

fn compile_text(job: &CompileJob, outcome: &Result<Compiled, String>) -> String {
    let name = job.source().unwrap_or("the layerwise plan");
    let [lanes, words] = [job.lanes(), job.words()].map(|n| n.map_or(String::new(), |n| n.to_string()));
    let start = format!("{name:<28} {lanes:>5} {words:>5} {:>6}", job.hidden);
    match outcome {
        Ok(Compiled { seconds, memory_mb, before_mb }) => {
            let [memory, before] =
                [memory_mb, before_mb].map(|mb| mb.map_or("-".into(), |mb| format!("{mb:.0}")));
            format!("{start}  {seconds:>8.2}  {memory:>8}  {before:>12}")
        }
        Err(why) => format!("{start}  failed: {why}"),
    }
}
