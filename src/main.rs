//! Parse, run, exit status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use shadegrad::cli::{self, Error};

fn main() -> ExitCode {
    // First of all, so that a signal has the same status whenever it comes.
    let listening = cli::listen();
    let done = listening.and_then(|()| cli::parse()).and_then(|cli| cli.map_or(Ok(()), cli::run));
    let Err(error) = done else { return ExitCode::SUCCESS };
    error.tell();
    match error {
        Error::Interrupted => cli::leave(error.exit_status()),
        _ => ExitCode::from(error.exit_status()),
    }
}
