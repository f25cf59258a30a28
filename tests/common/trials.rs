//! Tests that are made from a list.

use std::{env, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

/// Runs them, as many at once as RUST_TEST_THREADS says, which the other programs heed, too.
pub fn run(trials: Vec<Trial>) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let threads = env::var("RUST_TEST_THREADS").ok().and_then(|threads| threads.parse().ok());
    arguments.test_threads = arguments.test_threads.or(threads);
    libtest_mimic::run(&arguments, trials).exit_code()
}
