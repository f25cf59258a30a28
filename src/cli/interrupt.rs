//! Ctrl-C and SIGTERM.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Error;
use crate::report::warn;

/// A flag that the first Ctrl-C or SIGTERM sets; the second one ends the process at once.
pub(super) fn on_interrupt() -> &'static AtomicBool {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    let installed = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Error::Interrupted.exit_status()));
        }
    });
    if let Err(error) = installed {
        warn(&format!("Ctrl-C will end the program at once: {error}"));
    }
    &INTERRUPTED
}
