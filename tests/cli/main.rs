//! The command line from outside: exit statuses, messages, JSON, files and signals.
//!
//! The tests with `--device gpu` need an adapter. Without one they fail, and the message of the binary that
//! they show says how to get one.

mod check_command;
#[path = "../common/mod.rs"]
mod common;
mod datasets;
mod files;
mod harness;
mod heading;
mod json;
#[path = "../common/no_driver.rs"]
mod no_driver;
#[path = "../common/not_run.rs"]
mod not_run;
mod noticed;
mod recipes;
mod shader_contract;
#[path = "../common/shaders.rs"]
mod shader_folders;
mod shader_texts;
mod shaders;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod unix;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use shadegrad::gpu::GraphicsApi;

use common::gpu;
use harness::*;
use json::assert_figures;

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
    (&["--plan", "fused", "--batch", "10"], "all images at once, and not 10"),
    (&["--plan", "fused", "--activation", "tanh"], "relu, and not tanh"),
    (&["--plan", "fused", "--hidden", "8,8"], "35-8-8-10, which has 2"),
    (&["--plan", "fused", "--label-smoothing", "0.1"], "0.1"),
    (&["bench", "--plan", "fused", "--hidden", "8,8"], "35-8-8-10, which has 2"),
    (&["--early-stop", "2", "--val", "9", "--iters", "5"], "has 1 report,"),
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
fn the_variable_of_the_adapters_name_is_heeded_and_flags_win() {
    let with = |name: &str, args: &[&str]| {
        let mut command = command(&[args, &["--iters", "0", "--json"]].concat());
        command.env("WGPU_ADAPTER_NAME", name);
        Run::of(command)
    };
    let run = with("nosuchname", &[]).status(4).says(&["`nosuchname`", REMEDY]);
    assert!(!run.stderr.contains(NO_GPU), "{}", run.stderr);
    let mut bench = command(&["bench"]);
    bench.env("WGPU_ADAPTER_NAME", "nosuchname");
    Run::of(bench).status(4).says(&["`nosuchname`"]);
    let found = with("nosuchname", &["--device", "gpu"]).status(0).start();
    assert_eq!(with("nosuchname", &["--device", "cpu"]).status(0).start()["plan"], "cpu");
    let name = found["device"]["name"].as_str().expect("a name").to_uppercase();
    for name in [&name[..], ""] {
        assert_eq!(with(name, &[]).status(0).start()["device"], found["device"], "{name}");
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
        let run = Run::of(common::shadegrad(args)).status(0);
        assert!(run.stdout.contains("shadegrad"), "{args:?}: {}", run.stdout);
        assert_eq!(run.stderr, "", "{args:?}");
    }
}

#[test]
fn a_missing_data_folder_is_a_data_error() {
    let missing = inside(&temporary(), "missing");
    let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"];
    let run = run(&["--data", &missing]).status(3).says(&[&missing, "t10k-labels-idx1-ubyte", "https://"]);
    assert_eq!(run.says(&names).stdout, "");
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
        let run = Run::of(without_driver(&["--device", "gpu", "--json"])).status(4);
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
            let run = Run::of(command(&["--device", device, "--json"])).status(4).says(&[device, REMEDY]);
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

#[test]
fn devices_are_listed_with_their_numbers() {
    let run = run(&["devices", "--json"]).status(0);
    for (index, device) in run.events().iter().enumerate() {
        assert_eq!(device["index"], index, "{device}");
        let name = device["backend"].as_str().expect("a back end");
        assert!(GraphicsApi::named(name).is_some_and(|api| api.name() == name), "{device}");
    }
}

#[test]
fn quiet_leaves_only_the_result() {
    let run = run(&["--device", "cpu", "--iters", "3", "--quiet"]).status(0);
    assert_eq!(run.stderr, "");
    assert!(run.stdout.contains("final") && run.stdout.contains("weights sha256"), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "colour off a terminal: {}", run.stdout);
}
