//! The command line from outside: exit statuses, messages, JSON, files and signals.
//!
//! The tests with `--device gpu` need an adapter. Without one they fail, and the message of the binary that
//! they show says how to get one.

#[path = "../common/mod.rs"]
mod common;
mod recipes;
mod shaders;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    sync::LazyLock,
};

use assert_cmd::Command;
use serde_json::Value;
use shadegrad::gpu::GraphicsApi;
use tempfile::TempDir;

use common::{CLASSES, shadegrad};

const TRAIN: usize = 613;
const TEST: usize = 101;

/// Small data that all tests read and none writes.
static DATA: LazyLock<TempDir> = LazyLock::new(|| common::folder(&common::dataset(7, 5, TRAIN, TEST)));

/// How a run without an adapter begins its loudest line.
const NO_GPU: &str = "NO GPU";
const REMEDY: &str = "apt-get install mesa-vulkan-drivers";

/// The binary with `args`, on the small data.
fn command(args: &[&str]) -> Command {
    let mut command = shadegrad();
    command.args(args);
    if !args.contains(&"--data") && !args.iter().any(|arg| ["devices", "shaders"].contains(arg)) {
        command.arg("--data").arg(DATA.path());
    }
    command
}

/// The same where no driver is found: a device that is touched is missed, loudly.
fn without_driver(args: &[&str]) -> Command {
    let mut command = command(args);
    command.envs([("VK_DRIVER_FILES", "/nonexistent"), ("VK_ICD_FILENAMES", "/nonexistent")]);
    command.env("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent");
    command
}

/// What a run left: status, standard output, standard error.
struct Run {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the output is UTF-8")
}

impl Run {
    fn of(mut command: Command) -> Run {
        let Output { status, stdout, stderr } = command.output().expect("the binary runs");
        Run { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Checks the status, and that no run ends in a panic.
    fn status(self, expected: i32) -> Run {
        let Run { status, stdout, stderr } = &self;
        assert_eq!(*status, Some(expected), "stdout:\n{stdout}\nstderr:\n{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        self
    }

    fn says(self, parts: &[&str]) -> Run {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is not in\n{}", self.stderr);
        }
        self
    }

    /// The events of a `--json` run: an object a line and nothing else.
    fn events(&self) -> Vec<Value> {
        assert!(self.stdout.is_empty() || self.stdout.ends_with('\n'), "{}", self.stdout);
        let events = self.stdout.lines().map(|line| serde_json::from_str(line).expect(line));
        events.inspect(|event: &Value| assert!(event.is_object(), "{event}")).collect()
    }

    fn start(&self) -> Value {
        let start = self.events().swap_remove(0);
        assert_eq!(start["event"], "start", "{}", self.stdout);
        start
    }

    fn end(&self) -> Value {
        let end = self.events().pop().unwrap_or_default();
        assert_eq!(end["event"], "end", "{}", self.stdout);
        end
    }
}

fn run(args: &[&str]) -> Run {
    Run::of(command(args))
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A file or folder in `folder`, as an argument.
fn inside(folder: &TempDir, name: &str) -> String {
    path_text(&folder.path().join(name)).to_owned()
}

fn temporary() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Wrong command lines, and what the message must name.
const WRONG: &[(&[&str], &str)] = &[
    (&["--iters", "-1"], "'-1'"),
    (&["--iters", "1.5"], "'1.5'"),
    (&["--iters", "abc"], "'abc'"),
    (&["--iters", ""], "'' for '--iters"),
    (&["--iters", "99999999999999999999999"], "'99999999999999999999999'"),
    (&["--iters", "1e3"], "'1e3'"),
    (&["--iters", "3", "--iters", "4"], "'--iters"),
    (&["--alpha", "nan"], "'nan'"),
    (&["--alpha", "inf"], "'inf'"),
    (&["--alpha=-inf"], "'-inf'"),
    (&["--alpha", "-0.1"], "'-0.1'"),
    (&["--alpha", "1e39"], "'1e39'"),
    (&["--alpha", "0,1"], "'0,1'"),
    (&["--alpha", ""], "'' for '--alpha"),
    (&["--lr", "fast"], "'fast'"),
    (&["--hidden", "0"], "'0'"),
    (&["--hidden", ""], "'' for '--hidden"),
    (&["--hidden", "10,0"], "found `0`"),
    (&["--hidden", "10,"], "'10,'"),
    (&["--hidden", "16385"], "'16385'"),
    (&["--hidden", "99999999"], "'99999999'"),
    (&["--hidden", "99999999999999999999999"], "'99999999999999999999999'"),
    (&["--hidden", "-5"], "'-5'"),
    (&["--hidden", "10 8"], "'10 8'"),
    (&["--hidden", "ten"], "'ten'"),
    (&["--hidden", "16384,16384,16384"], "16384-16384-16384"),
    (&["--report-every", "0"], "'0'"),
    (&["--report-every", "-7"], "'-7'"),
    (&["--report-every", ""], "'' for '--report-every"),
    (&["--limit", "0"], "'0'"),
    (&["--limit", "-1"], "'-1'"),
    (&["--limit", "614"], "--limit 614: there are only 613"),
    (&["--seed", "-3"], "'-3'"),
    (&["--seed", "18446744073709551616"], "'18446744073709551616'"),
    (&["--seed", "x"], "'x'"),
    (&["--backend", "foo"], "'foo'"),
    (&["--backend", ""], "--backend"),
    (&["--device", ""], "'' for '--device"),
    (&["--device", "  "], "'  ' for '--device"),
    (&["--init", "notafile"], "'notafile'"),
    (&["--init", ""], "'' for '--init"),
    (&["--shaders", ""], "--shaders"),
    (&["--save", ""], "--save"),
    (&["--data", ""], "--data"),
    (&["--save"], "--save"),
    (&["--nope"], "'--nope'"),
    (&["--json=yes"], "'yes'"),
    (&["-x"], "'-x'"),
    (&["frobnicate"], "'frobnicate'"),
    (&["train", "--iters", "-1"], "'-1'"),
    (&["train", "frobnicate"], "'frobnicate'"),
    (&["devices", "--iters", "3"], "'--iters'"),
    (&["shaders", "frobnicate"], "'frobnicate'"),
    (&["shaders", "export"], "<DIR>"),
    (&["shaders", "export", ""], "<DIR>"),
];

/// Status 2, one message that names `part`, nothing on standard output, no device looked for.
fn assert_usage_error(what: &str, run: Run, part: &str) {
    let Run { status, stdout, stderr } = &run;
    assert_eq!(*status, Some(2), "{what}: {stderr}");
    assert_eq!(stdout, "", "{what}");
    assert_eq!(stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{what}: {stderr}");
    assert!(stderr.contains(part), "{what}: `{part}` is not in\n{stderr}");
    assert!(!stderr.contains(NO_GPU) && !stderr.contains("panicked"), "{what}: {stderr}");
}

#[test]
fn a_wrong_command_line_is_told_before_a_device_is_touched() {
    for (args, part) in WRONG {
        assert_usage_error(&format!("{args:?}"), Run::of(without_driver(args)), part);
    }
}

#[test]
fn more_hidden_layers_than_are_supported_are_a_usage_error() {
    let hidden = vec!["4"; 65].join(",");
    let run = Run::of(without_driver(&["--hidden", &hidden]));
    assert_usage_error("65 layers", run, "found 65");
}

#[test]
fn a_wrong_backend_variable_is_a_usage_error() {
    for names in ["foo", "vulkan,foo"] {
        let mut command = without_driver(&["--iters", "1"]);
        command.env("WGPU_BACKEND", names);
        assert_usage_error(names, Run::of(command), "`foo`");
    }
}

#[test]
fn a_flag_wins_over_the_backend_variable() {
    let mut command = command(&["--iters", "0", "--device", "cpu", "--backend", "gl"]);
    command.env("WGPU_BACKEND", "foo");
    Run::of(command).status(0);
}

#[test]
fn help_and_version_are_results() {
    for args in
        [&["--help"][..], &["-h"], &["help"], &["--version"], &["train", "--help"], &["shaders", "--help"]]
    {
        let mut command = shadegrad();
        command.args(args);
        let run = Run::of(command).status(0);
        assert!(run.stdout.contains("shadegrad"), "{args:?}: {}", run.stdout);
        assert_eq!(run.stderr, "", "{args:?}");
    }
}

#[test]
fn a_missing_data_folder_is_a_data_error() {
    let missing = inside(&temporary(), "missing");
    let run = run(&["--data", &missing]).status(3).says(&[&missing]);
    assert_eq!(run.stdout, "");
    let empty = temporary();
    Run::of(command(&["--data", path_text(empty.path())])).status(3).says(&["train-images-idx3-ubyte"]);
}

#[test]
fn a_save_file_that_cannot_be_is_told_before_training() {
    let save = inside(&temporary(), "missing/model.safetensors");
    let run = Run::of(without_driver(&["--save", &save])).status(3).says(&["missing"]);
    assert_eq!(run.stdout, "");
    assert!(!run.stderr.contains(NO_GPU), "{}", run.stderr);
}

#[test]
fn a_model_of_another_shape_is_a_model_error() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    run(&["--device", "cpu", "--iters", "0", "--hidden", "8", "--save", &save]).status(0);
    run(&["--device", "cpu", "--iters", "0", "--hidden", "8", "--init", &save]).status(0);
    for hidden in ["9", "8,8"] {
        let run = run(&["--iters", "1", "--hidden", hidden, "--init", &save]).status(3).says(&[&save]);
        assert_eq!(run.stdout, "", "{hidden}");
    }
    fs::write(&save, "no model").expect("a damaged model is written");
    run(&["--iters", "1", "--hidden", "8", "--init", &save]).status(3).says(&[&save]);
}

#[test]
fn a_saved_start_is_the_drawn_one() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let initial = run(&["--device", "cpu", "--iters", "0", "--json", "--save", &save]).status(0).end();
    let read = run(&["--device", "cpu", "--iters", "0", "--json", "--init", &save]).status(0).end();
    assert_eq!(read["weights_sha256"], initial["weights_sha256"]);
    let drawn = run(&["--device", "cpu", "--iters", "4", "--json"]).status(0).end();
    let trained = run(&["--device", "cpu", "--iters", "4", "--json", "--init", &save]).status(0).end();
    assert_eq!(trained["weights_sha256"], drawn["weights_sha256"]);
    assert_ne!(trained["weights_sha256"], initial["weights_sha256"]);
}

/// Drivers are hidden by the variables of Linux's loaders.
#[cfg(target_os = "linux")]
mod no_adapter {
    use super::*;

    #[test]
    fn asking_for_a_gpu_is_a_device_error_with_the_remedy() {
        let run = Run::of(without_driver(&["--device", "gpu"])).status(4);
        let run = run.says(&[REMEDY, "vulkan", "metal", "dx12", "gl", "no GPU adapter"]);
        assert_eq!(run.stdout, "");
        assert!(!run.stderr.contains(NO_GPU), "{}", run.stderr);
    }

    #[test]
    fn the_list_of_devices_is_a_device_error_with_the_remedy() {
        let run = Run::of(without_driver(&["devices"])).status(4).says(&[REMEDY]);
        assert_eq!(run.stdout, "");
    }

    #[test]
    fn the_cpu_engine_stands_in_loudly() {
        for backend in [None, Some("vulkan"), Some("")] {
            let mut command = without_driver(&["--iters", "3", "--json"]);
            command.envs(backend.map(|name| ("WGPU_BACKEND", name)));
            let run = Run::of(command).status(0).says(&[NO_GPU, REMEDY, "vulkan", "--device gpu"]);
            let start = &run.events()[0];
            assert_eq!((&start["device"]["backend"], &start["plan"]), (&"cpu".into(), &"cpu".into()));
            assert_eq!(run.end()["reason"], "iters");
        }
    }

    #[test]
    fn the_cpu_engine_that_was_asked_for_is_quiet_about_it() {
        let run = Run::of(without_driver(&["--iters", "1", "--device", "cpu", "--quiet"])).status(0);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_device_that_is_not_there_is_a_device_error() {
    for device in ["99", "nosuchname"] {
        for command in [command, without_driver] {
            let run = Run::of(command(&["--device", device])).status(4).says(&[device, REMEDY]);
            assert_eq!(run.stdout, "", "{device}");
        }
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|item| item.expect("an entry").path())
}

#[test]
fn a_training_that_diverges_leaves_the_saved_file() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    for device in ["cpu", "gpu"] {
        run(&["--device", "cpu", "--iters", "0", "--save", &save]).status(0);
        let before = fs::read(&save).expect("the saved model");
        let args = ["--device", device, "--iters", "30", "--alpha", "1e30", "--json", "--save", &save];
        let run = run(&args).status(7).says(&["diverged", "--alpha", &save]);
        let end = run.end();
        assert_eq!((&end["reason"], &end["loss"]), (&"diverged".into(), &Value::Null), "{device}");
        assert_eq!(fs::read(&save).expect("the saved model"), before, "{device}");
        assert_eq!(files(folder.path()).count(), 1, "{device}: a file was left behind");
    }
}

/// The names in an object, in order.
fn names(object: &Value) -> Vec<&str> {
    let mut names: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn assert_start(start: &Value) {
    assert_eq!(names(start), ["config", "data", "device", "event", "plan", "version"]);
    assert_eq!(start["version"], env!("CARGO_PKG_VERSION"));
    assert!(start["plan"].is_string(), "{start}");
    assert_eq!(names(&start["device"]), ["backend", "driver", "name", "type"]);
    assert!(names(&start["device"]).iter().all(|name| start["device"][name].is_string()), "{start}");
    let data = serde_json::json!({"train": TRAIN, "test": TEST, "classes": CLASSES, "rows": 7, "cols": 5});
    assert_eq!(start["data"], data);
    let flags = ["alpha", "backend", "data", "device", "hidden", "init", "iters", "limit", "report-every"];
    let more = ["activation", "augment", "batch", "early-stop", "epochs", "label-smoothing", "optimizer"];
    let rest = ["plan", "save", "schedule", "seed", "shaders", "target-acc", "val", "warmup", "weight-decay"];
    for flag in flags.iter().chain(&more).chain(&rest) {
        assert!(start["config"].get(flag).is_some(), "config has no {flag}: {start}");
    }
}

/// Loss, accuracies and seconds of a report or an end.
fn assert_figures(event: &Value) {
    for name in ["train_acc", "test_acc"] {
        let accuracy = event[name].as_f64().expect("an accuracy");
        assert!((0.0..=1.0).contains(&accuracy), "{event}");
    }
    assert!(event["loss"].as_f64().is_some_and(|loss| loss > 0.0), "{event}");
    assert!(event["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{event}");
}

fn assert_report(report: &Value, iter: usize) {
    assert_eq!(names(report), ["event", "iter", "loss", "seconds", "test_acc", "train_acc"]);
    assert_eq!((&report["event"], &report["iter"]), (&"report".into(), &iter.into()));
    assert_figures(report);
}

fn assert_end(end: &Value, iters: usize) {
    let expected = ["event", "iters", "loss", "ms_per_iter", "reason", "seconds", "test_acc", "train_acc"];
    assert_eq!(names(end), [&expected[..], &["weights_sha256"]].concat());
    assert_eq!((&end["event"], &end["reason"]), (&"end".into(), &"iters".into()));
    assert_eq!(end["iters"], iters);
    assert_figures(end);
    let sha256 = end["weights_sha256"].as_str().expect("a fingerprint");
    assert!(sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{sha256}");
}

/// A run of `--json`, its end checked; the reports are left.
fn json_run(device: &str, iters: usize, every: usize) -> Vec<Value> {
    let (count, every) = (iters.to_string(), every.to_string());
    let args = ["--device", device, "--json", "--iters", &count, "--report-every", &every];
    let mut events = run(&args).status(0).events();
    assert_start(&events.remove(0));
    let end = events.pop().expect("an end");
    assert_end(&end, iters);
    assert_eq!(end["ms_per_iter"].is_null(), iters == 0, "{end}");
    assert!(iters == 0 || end["ms_per_iter"].as_f64().is_some_and(|ms| ms > 0.0), "{end}");
    events
}

#[test]
fn json_has_the_promised_fields_and_reports() {
    for device in ["cpu", "gpu"] {
        let cases: [(usize, usize, &[usize]); 5] =
            [(0, 3, &[]), (1, 3, &[0]), (6, 3, &[0, 3]), (7, 3, &[0, 3, 6]), (3, 10, &[0])];
        for (iters, every, expected) in cases {
            let reports = json_run(device, iters, every);
            assert_eq!(reports.len(), expected.len(), "{device}, {iters} by {every}: {reports:?}");
            for (report, &iter) in reports.iter().zip(expected) {
                assert_report(report, iter);
            }
        }
    }
}

#[test]
fn devices_are_listed_with_their_numbers() {
    let run = run(&["devices", "--json"]).status(0);
    for (index, device) in run.events().iter().enumerate() {
        assert_eq!(device["index"], index, "{device}");
        let name = device["backend"].as_str().expect("a back end");
        assert!(GraphicsApi::named(name).is_ok_and(|api| api.name() == name), "{device}");
    }
}

#[test]
fn quiet_leaves_only_the_result() {
    let run = run(&["--device", "cpu", "--iters", "3", "--quiet"]).status(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("final") && run.stdout.contains("weights sha256"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "colour off a terminal: {}", run.stdout);
}

#[cfg(unix)]
mod unix {
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
}
