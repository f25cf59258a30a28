//! Streams of Unix.

use std::process::{Child, Stdio};

use super::*;

/// The binary as a child whose streams the test holds.
fn child(args: &[&str], stdout: impl Into<Stdio>) -> Child {
    process(&[], args).stdout(stdout).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

fn assert_output_error(child: Child) {
    let run = Run::ended(child.wait_with_output().expect("the binary ends"));
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
        let run = Run::ended(child(args, writer).wait_with_output().expect("the binary ends"));
        assert_eq!(run.status, Some(141), "{args:?}");
        assert!(!run.stderr.contains("error"), "{args:?}");
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

/// Refused with the bytes before anything is allocated, and never an abort, however little there is.
#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_not_there_is_a_device_error() {
    let limited = |kibibytes: u32, hidden: &str| {
        let script = format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"");
        let args = ["--device", "cpu", "--iters", "1", "-q", "--hidden", hidden];
        Run::ended(process(&["sh", "-c", &script], &args).output().expect("the binary runs"))
    };
    for (kibibytes, hidden) in [(2_000_000, "12000,12000"), (400_000, "3000,3000"), (30_000, "10")] {
        let run = limited(kibibytes, hidden).status(4).says(&["bytes of memory", "--hidden"]);
        assert_eq!(run.stdout, "", "{hidden} in {kibibytes} KiB");
    }
    for kibibytes in (40_000..800_000).step_by(95_000) {
        let run = limited(kibibytes, "500");
        assert!(
            [0, 1, 4].map(Some).contains(&run.status),
            "{kibibytes} KiB: {:?} {}",
            run.status,
            run.stderr
        );
    }
}
