//! Parse, run, exit status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use shadegrad::{cli, report};

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
