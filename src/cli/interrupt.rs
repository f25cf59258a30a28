//! Signals that end a run: Ctrl-C, and on Unix SIGTERM and SIGHUP. One that the caller ignores stays ignored.
//!
//! As long as no training is under way there is nothing to keep, and the first signal ends the process. A
//! training is asked to stop; then the second one ends it.

use std::sync::{
    LazyLock,
    atomic::{AtomicBool, Ordering},
};

use super::Error;
use crate::{report::interrupted, train::Stop};

static STOP: LazyLock<Stop> = LazyLock::new(Stop::default);
static TRAINING: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
///
/// # Errors
/// [`Error::System`] if the system refuses.
pub fn listen() -> Result<(), Error> {
    platform::listen().map_err(|error| Error::System(format!("cannot listen for Ctrl-C: {error}")))
}

/// From now on, there is a training to keep.
pub(super) fn training_begins() -> &'static Stop {
    TRAINING.store(true, Ordering::SeqCst);
    &STOP
}

fn on_signal(name: &str) {
    let training = TRAINING.load(Ordering::SeqCst);
    let again = STOP.ask();
    if !again {
        interrupted(name, training);
    }
    if again || !training {
        leave(Error::Interrupted.exit_status());
    }
}

/// Ends the process at once, whatever its threads do. On Unix the exit handlers of drivers are not run: they
/// crash while the driver compiles or computes.
pub fn leave(status: u8) -> ! {
    platform::leave(status)
}

#[cfg(unix)]
mod platform {
    use std::{fs, io, process, thread};

    use signal_hook::{
        consts::{SIGHUP, SIGINT, SIGTERM},
        iterator::Signals,
        low_level,
    };

    const SIGNALS: [(i32, &str); 3] = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")];

    pub fn listen() -> io::Result<()> {
        let heard = SIGNALS.iter().filter(|(signal, _)| !is_ignored(*signal)).map(|(signal, _)| signal);
        let mut signals = Signals::new(heard)?;
        thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                let known = SIGNALS.iter().find(|(number, _)| *number == signal);
                super::on_signal(known.map_or("a signal", |(_, name)| name));
            }
        })?;
        Ok(())
    }

    pub fn leave(status: u8) -> ! {
        low_level::exit(status.into())
    }

    /// Whether the process was started with the signal ignored, as `nohup` does.
    fn is_ignored(signal: i32) -> bool {
        ignored_by_proc(signal).unwrap_or_else(|| ignored_by_child(signal))
    }

    /// As Linux says it; `None` elsewhere.
    fn ignored_by_proc(signal: i32) -> Option<bool> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
        Some(mask >> (signal - 1) & 1 == 1)
    }

    /// A child process inherits what is ignored: it lives if it sends itself such a signal.
    fn ignored_by_child(signal: i32) -> bool {
        let script = format!("kill -{signal} $$");
        process::Command::new("/bin/sh").args(["-c", &script]).status().is_ok_and(|status| status.success())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_child_and_the_system_agree_on_what_is_ignored() {
            for (signal, name) in SIGNALS {
                if let Some(ignored) = ignored_by_proc(signal) {
                    assert_eq!(ignored_by_child(signal), ignored, "{name}");
                }
            }
        }
    }
}

#[cfg(not(unix))]
mod platform {
    pub fn listen() -> Result<(), ctrlc::Error> {
        ctrlc::set_handler(|| super::on_signal("Ctrl-C"))
    }

    pub fn leave(status: u8) -> ! {
        std::process::exit(status.into())
    }
}
