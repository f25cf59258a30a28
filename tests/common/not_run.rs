//! What a driver cannot run is named, and never left out in silence.

use std::io::{self, Write};

use super::gpu::adapter;

/// Names what a test does not run here. Not as output of the test, which is shown only if it fails.
pub fn not_run(what: &str) {
    writeln!(io::stderr(), "NOT RUN on {}: {what}", adapter()).expect("standard error");
}
