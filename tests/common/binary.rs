//! The binary, started as a user would, on the adapter that the suite runs on.

use std::{env, process, time::Duration};

use assert_cmd::Command;

/// Longer than any run here takes on a slow machine: a run that hangs fails its test.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The binary with `args`. What the environment of the suite says of adapters holds for it as for the suite.
pub fn shadegrad(args: &[&str]) -> Command {
    let mut command = Command::from_std(process(&[], args));
    command.timeout(TIMEOUT);
    command
}

/// The binary as a process to be followed, started by another program with its arguments, if `by` names one.
pub fn process(by: &[&str], args: &[&str]) -> process::Command {
    let mut words = by.iter().chain([&env!("CARGO_BIN_EXE_shadegrad")]);
    let mut command = process::Command::new(words.next().expect("the binary, at least"));
    command.args(words).args(on_the_suites_adapter(args)).env("NO_COLOR", "1");
    command
}

/// `--device gpu` is the best adapter, whatever name the environment has: here it is the one of that name.
fn on_the_suites_adapter(args: &[&str]) -> Vec<String> {
    let name = env::var("WGPU_ADAPTER_NAME").ok().filter(|name| !name.trim().is_empty());
    let before = [""].iter().chain(args);
    let word = |(before, arg): (&&str, &&str)| match (*before, *arg, &name) {
        ("--device", "gpu", Some(name)) => name.clone(),
        _ => (*arg).to_owned(),
    };
    before.zip(args).map(word).collect()
}
