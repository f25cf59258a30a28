//! What all tests of the command line share: small data, the binary, and what a run of it leaves.

use std::{fs, path::Path, process::Output, sync::LazyLock};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use super::{
    common::{self, shadegrad},
    no_driver, shader_folders,
};

pub const TRAIN: usize = 613;
pub const TEST: usize = 101;

/// Small data that all tests read and none writes.
pub static DATA: LazyLock<TempDir> = LazyLock::new(|| common::folder(&common::dataset(7, 5, TRAIN, TEST)));

/// How a run without an adapter begins its loudest line.
pub const NO_GPU: &str = "NO GPU";
pub const REMEDY: &str = "apt-get install mesa-vulkan-drivers";

/// The binary with `args`, on the small data.
pub fn command(args: &[&str]) -> Command {
    shadegrad(&on_the_small_data(args))
}

/// The same as a process to be followed, started by another program with its arguments, if `by` names one.
#[cfg(unix)]
pub fn process(by: &[&str], args: &[&str]) -> std::process::Command {
    common::binary::process(by, &on_the_small_data(args))
}

fn on_the_small_data<'a>(args: &[&'a str]) -> Vec<&'a str> {
    let has_data = args.contains(&"--data");
    let needs_none =
        args.iter().any(|arg| ["check", "devices", "shaders", "watch", "--help", "--version"].contains(arg));
    let more = ["--data", path_text(DATA.path())];
    args.iter().copied().chain(more.into_iter().filter(|_| !has_data && !needs_none)).collect()
}

/// The binary where no driver is found: a device that is touched is missed, loudly.
pub fn without_driver(args: &[&str]) -> Command {
    no_driver::without_driver(&on_the_small_data(args))
}

/// What a run left: status, standard output, standard error.
pub struct Run {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the output is UTF-8")
}

impl Run {
    pub fn of(mut command: Command) -> Run {
        Run::ended(command.output().expect("the binary runs"))
    }

    /// What a process left when it had ended.
    pub fn ended(Output { status, stdout, stderr }: Output) -> Run {
        Run { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Checks the status, and that no run ends in a panic.
    pub fn status(self, expected: i32) -> Run {
        let Run { status, stdout, stderr } = &self;
        assert_eq!(*status, Some(expected), "stdout:\n{stdout}\nstderr:\n{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        self
    }

    pub fn says(self, parts: &[&str]) -> Run {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in\n{}", self.stderr);
        }
        self
    }

    /// Checks that notes fit a terminal of 80 columns. Warnings and errors have paths and reasons in them.
    pub fn has_narrow_notes(self) -> Run {
        let is_note = |line: &&str| !["warning: ", "error: "].iter().any(|start| line.starts_with(start));
        for line in self.stderr.lines().filter(is_note) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        self
    }

    /// The events of a `--json` run: an object a line and nothing else.
    pub fn events(&self) -> Vec<Value> {
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "{}", self.stdout);
        let events = self.stdout.lines().map(|line| serde_json::from_str(line).expect(line));
        events.inspect(|event: &Value| assert!(event.is_object(), "{event}")).collect()
    }

    pub fn start(&self) -> Value {
        let start = self.events().swap_remove(0);
        assert_eq!(start["event"], "start", "{}", self.stdout);
        start
    }

    pub fn end(&self) -> Value {
        let end = self.events().pop().unwrap_or_default();
        assert_eq!(end["event"], "end", "{}", self.stdout);
        end
    }
}

pub fn run(args: &[&str]) -> Run {
    Run::of(command(args))
}

pub fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A file or folder in `folder`, as an argument.
pub fn inside(folder: &TempDir, name: &str) -> String {
    path_text(&folder.path().join(name)).to_owned()
}

/// A folder with one file of `shaders export` by its name alone, changed.
pub fn changed(file: &str, change: impl Fn(&str) -> String) -> TempDir {
    let folder = temporary();
    let name = Path::new(file).file_name().expect("a name");
    fs::write(folder.path().join(name), change(shader_folders::text(file))).expect("an edited shader");
    folder
}

/// The same with texts replaced by others.
pub fn replaced(file: &str, edits: &[(&str, &str)]) -> TempDir {
    changed(file, |text| {
        edits.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{file} has no `{from}`");
            text.replace(from, to)
        })
    })
}

pub fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}
