//! What the watching process and its helper send each other: a JSON object a line.

use serde::{Deserialize, Serialize};

use crate::{bench::Ratio, kernels::ShaderText};

/// What the helper is to check and to time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The edited files; all others are the built-in ones.
    pub files: Vec<ShaderText>,
    /// Those before the last save.
    pub before: Vec<ShaderText>,
    /// The texts of kernels to look at.
    pub sources: Vec<String>,
}

/// What the helper answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// It is ready for jobs: the adapter.
    Ready(String),
    /// The device begins to run something (true), or has run it.
    Running(bool),
    /// What the check of a text has shown.
    Checked(Checked),
    /// How long a text takes at the sizes of a usual network.
    Timed(Timed),
    /// The job is done.
    Done,
    /// The helper cannot go on.
    Failed(String),
}

/// What a check has shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// The text of a kernel.
    pub source: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Seconds that the driver took to compile it, at all sizes of the check.
    pub compiling: f64,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// Right; the part of its bound that the worst element takes.
    Right(f64),
    /// It differs from its twin: where, found, expected.
    Differs(String),
    /// It cannot be run: why, with file and line where there is one.
    Refused(String),
    /// This device does not run it: why.
    NotRun(String),
}

/// Seconds of a dispatch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// The text of a kernel.
    pub source: String,
    /// As it is now: the median.
    pub now: f64,
    /// As it was before the last save, if that was another text, and the ratio now / before.
    pub before: Option<(f64, Ratio)>,
    /// The built-in text, and the ratio now / built-in.
    pub built_in: Option<(f64, Ratio)>,
}
