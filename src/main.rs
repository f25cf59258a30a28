//! Parse, run, exit status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use shadegrad::{cli, report};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cli::start_over_with_wide_vectors();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
