//! All that is printed: results on standard output, progress and messages on standard error.

mod bench;
mod check;
mod compile;
mod heading;
mod json;
mod listing;
mod output;
mod text;
mod watch;

pub use bench::{BenchHeader, bench};
pub use check::check;
pub use compile::CompileTable;
pub use json::Json;
pub use listing::Listing;
pub use output::check_output;
pub use text::Text;
pub use watch::watch;

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write, stderr},
    path::Path,
};

use crate::{
    train::Observer,
    visible::{shown, visible},
};

/// What is known before a device is looked for.
pub struct Plans {
    /// Widths, activation, parameters.
    pub network: String,
    /// Sizes of the data.
    pub data: DataLine,
    /// Where they come from.
    pub folder: String,
    /// How it trains.
    pub recipe: String,
}

/// What is known before the first iteration.
pub struct Start {
    /// Who computes.
    pub device: DeviceLine,
    /// How: fused, layerwise, or cpu.
    pub plan: &'static str,
    /// Sizes of the data.
    pub data: DataLine,
    /// The fingerprint of the data.
    pub data_sha256: String,
    /// Flags and their values.
    pub config: serde_json::Value,
    /// Updates to come.
    pub iters: usize,
    /// Updates of an epoch; none without mini-batches.
    pub epoch_iters: Option<usize>,
}

/// Who computes.
#[derive(serde::Serialize)]
pub struct DeviceLine {
    /// The device's name.
    pub name: String,
    /// vulkan, metal, dx12, gl or cpu.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// discrete, integrated, virtual, software, other or cpu.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Sizes of the data.
#[derive(serde::Serialize)]
pub struct DataLine {
    /// Training samples.
    pub train: usize,
    /// Training samples that are held out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val: Option<usize>,
    /// Test samples.
    pub test: usize,
    /// How many classes there are.
    pub classes: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
}

/// Tells a training: as text for people, or as JSON lines.
pub trait Reporter: Observer + Send {
    /// Before a device is looked for.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    fn plans(&mut self, plans: &Plans) -> io::Result<()>;

    /// Before the first iteration.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    fn start(&mut self, start: &Start) -> io::Result<()>;

    /// After the last one.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    fn end(&mut self, end: &crate::train::End, weights_sha256: &str) -> io::Result<()>;
}

/// Something the user should know, on standard error.
pub fn warn(message: &str) {
    note(&format!("warning: {message}"));
}

/// Something worth a line, on standard error.
pub fn note(message: &str) {
    // Where even standard error is gone, there is nobody left to tell.
    let _ = writeln!(stderr(), "{}", visible(message));
}

/// That a signal came, on standard error: on a terminal in the place of the progress bar.
pub fn interrupted(signal: &str, training: bool) {
    if stderr().is_terminal() {
        let _ = write!(stderr(), "\r\x1b[2K");
    }
    let what = if training {
        "this iteration is dropped, a second signal ends at once"
    } else {
        "nothing was trained"
    };
    note(&format!("interrupted: {signal}; {what}"));
}

/// Which files of a folder of shaders differ from those of the program, and how many there are.
pub fn shaders_in_use(folder: &Path, edited: &[&str], files: usize) {
    let folder = shown(folder);
    note(&match edited {
        [] => format!("shaders from {folder}: {files} there, none edited"),
        _ => format!("shaders from {folder}: {files} there, edited: {}", edited.join(", ")),
    });
}

/// Why the run failed, on standard error.
pub fn error(error: &dyn Display) {
    note(&format!("error: {error}"));
}
