//! Streams of Unix.

use std::process::{Child, Stdio};

use super::*;

/// The binary as a child whose streams the test holds.
fn child(args: &[&str], stdout: impl Into<Stdio>) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_shadegrad"));
    command.args(args).env_remove("WGPU_BACKEND");
    if args.contains(&"--device") {
        command.arg("--data").arg(DATA.path());
    }
    command.stdout(stdout).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

fn assert_output_error(child: Child) {
    let output = child.wait_with_output().expect("the binary ends");
    let run = Run { status: output.status.code(), stdout: String::new(), stderr: text(output.stderr) };
    run.status(1).says(&["error: cannot write to standard output"]);
}

/// As with `| head`: the reader has what it wanted.
#[test]
fn a_closed_pipe_ends_silently_with_the_status_of_sigpipe() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let train = ["--device", "cpu", "--iters", "1", "--save", &save, "-q"];
    for args in [&["--device", "cpu", "--json"][..], &["--device", "cpu"], &train] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = child(args, writer).wait_with_output().expect("the binary ends");
        assert_eq!(output.status.code(), Some(141), "{args:?}");
        assert!(!text(output.stderr).contains("error"), "{args:?}");
    }
    run(&["--device", "cpu", "--iters", "0", "--init", &save]).status(0);
}

/// Before the training, which would be lost: nothing is saved.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_in_a_message() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let train = ["--device", "cpu", "--iters", "3", "--save", &save];
    let [json, quiet, both] =
        [&["--json"][..], &["-q"], &["-q", "--json"]].map(|more| [&train, more].concat());
    for args in [&train[..], &json, &quiet, &both, &["--help"], &["--version"], &["train", "--help"]] {
        let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        assert_output_error(child(args, full));
        assert!(!Path::new(&save).exists(), "{args:?}");
    }
}
