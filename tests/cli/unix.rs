//! Streams and signals of Unix.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
};

use super::*;

/// The binary as a child whose streams the test holds.
fn child(args: &[&str], stdout: impl Into<Stdio>) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shadegrad"));
    command.args(args).arg("--data").arg(DATA.path()).env_remove("WGPU_BACKEND");
    command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

fn assert_output_error(child: Child) {
    let output = child.wait_with_output().expect("the binary ends");
    let run = Run { status: output.status.code(), stdout: String::new(), stderr: text(output.stderr) };
    run.status(1).says(&["error: cannot write to standard output"]);
}

#[test]
fn a_closed_pipe_ends_in_a_message() {
    for args in [&["--device", "cpu", "--json"][..], &["--device", "cpu"]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_output_error(child(args, writer));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_in_a_message() {
    for args in [&["--device", "cpu", "--json"][..], &["--device", "cpu", "--quiet", "--iters", "1"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        assert_output_error(child(args, full));
    }
}

/// Sends `signal` after the first report of an endless training, and returns its end event.
fn interrupted(signal: &str, device: &str) {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let args = ["--device", device, "--json", "--iters", "1000000000", "--save", &save];
    let mut child = child(&args, Stdio::piped());
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..2 {
        stdout.read_line(&mut String::new()).expect("start and the first report");
    }
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()), "kill {signal}");
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the last events");
    let output = child.wait_with_output().expect("the binary ends");
    let stderr = text(output.stderr);
    let end = Run { status: output.status.code(), stdout: rest, stderr }.status(130).end();
    assert_eq!(end["reason"], "interrupted", "{signal}, {device}");

    let args = ["--device", "cpu", "--json", "--iters", "0", "--init", &save];
    let saved = run(&args).status(0).end();
    assert_eq!(saved["weights_sha256"], end["weights_sha256"], "{signal}, {device}");
}

#[test]
fn an_interrupt_saves_and_ends_with_130() {
    interrupted("-INT", "cpu");
    interrupted("-TERM", "cpu");
    interrupted("-INT", "gpu");
}
