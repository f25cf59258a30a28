//! `shadegrad bench` from outside. The tests that measure need an adapter, and fail without one.

mod common;
#[path = "common/no_driver.rs"]
mod no_driver;
#[path = "common/shaders.rs"]
mod shader_folders;

use std::{process::Output, sync::LazyLock};

use serde_json::Value;
use shadegrad::{
    bench,
    kernels::{DeviceProfile, Shaders},
    net::Shape,
    plan::{self, PassId, PlanKind},
};
use tempfile::TempDir;

use common::{gpu::adapter, shadegrad};
use no_driver::without_driver;
use shader_folders::edited;

const TRAIN: usize = 613;

/// Small data that all tests read and none writes.
static DATA: LazyLock<TempDir> = LazyLock::new(|| common::folder(&common::dataset(7, 5, TRAIN, 101)));

/// Runs `bench` on the small data: standard output and standard error, the status checked.
fn bench(args: &[&str], driver: bool, status: i32) -> (String, String) {
    let data = DATA.path().to_str().expect("temporary paths are UTF-8");
    let args = [&["bench", "--data", data], args].concat();
    let mut command = if driver { shadegrad(&args) } else { without_driver(&args) };
    let Output { status: found, stdout, stderr } = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert_eq!(found.code(), Some(status), "{args:?}\nstdout:\n{stdout}\nstderr:\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    (stdout, stderr)
}

/// The events of a `--json` run, their kinds in order.
fn events(args: &[&str], status: i32) -> (Vec<Value>, String) {
    let (stdout, stderr) = bench(&[args, &["--json", "--rounds", "2"]].concat(), true, status);
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds[..3], ["bench-start", "limit", "limit"], "{stdout}");
    assert!(kinds[3..kinds.len() - 1].iter().all(|&kind| kind == "kernel"), "{stdout}");
    assert_eq!(kinds[kinds.len() - 1], "iteration", "{stdout}");
    (events, stderr)
}

fn number(event: &Value, name: &str) -> f64 {
    event[name].as_f64().unwrap_or_else(|| panic!("no number called {name} in {event}"))
}

/// A time is positive, finite (JSON has no other numbers) and within its range.
fn assert_timed(event: &Value) {
    let [min, median, max] = ["min_us", "median_us", "max_us"].map(|name| number(event, name));
    assert!(0.0 < min && min <= median && median <= max, "{event}");
    assert!(number(event, "calls_a_round") >= 1.0, "{event}");
    assert!(event["clock"] == "device" || event["clock"] == "host", "{event}");
    assert!(event["wrong"].is_null(), "{event}");
}

fn assert_wrong(event: &Value, part: &str) {
    for name in ["median_us", "min_us", "max_us", "calls_a_round", "clock", "gflops"] {
        assert!(event.get(name).is_some_and(Value::is_null), "{name} in {event}");
    }
    assert!(event["wrong"].as_str().is_some_and(|wrong| wrong.contains(part)), "`{part}` in {event}");
}

/// A rate is the cost by the median time, a share is the rate by the limit.
fn assert_rate(event: &Value, cost: &str, rate: &str, share: &str, limit: &Value) {
    let expected = number(event, cost) * 1e-3 / number(event, "median_us");
    assert!((number(event, rate) - expected).abs() <= 1e-9 * expected, "{event}");
    let expected = number(event, rate) / number(limit, rate);
    assert!((number(event, share) - expected).abs() <= 1e-9 * expected, "{event}");
}

/// The kernels of an iteration of each plan that serves the small data, and the limits.
fn measured(hidden: &[usize]) -> Vec<(PlanKind, Vec<&'static str>)> {
    let (data, shape) = (common::dataset(7, 5, TRAIN, 101), Shape::new(35, hidden, 10).expect("a shape"));
    let request = bench::request(&shape, &data, DeviceProfile::of(&adapter()), &Default::default());
    let shaders = Shaders::load(None).expect("the built-in shaders");
    let kernels = |kind| {
        let plan = plan::choose(Some(kind), &request, &shaders).ok()?;
        let steps = plan.steps_of(|pass| pass == PassId::IterateWithMetrics);
        Some((kind, steps.map(|step| step.kernel).chain(["copy", "multiply_add"]).collect()))
    };
    PlanKind::ALL.into_iter().filter_map(kernels).collect()
}

#[test]
fn every_kernel_of_the_network_and_the_iteration_get_a_time() {
    let (events, _) = events(&["--hidden", "12,8"], 0);
    let [start, copy, multiply_add, kernels @ .., iteration] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&start["network"], &start["samples"]), (&"35-12-8-10".into(), &TRAIN.into()));
    assert_eq!((&copy["kernel"], &multiply_add["kernel"]), (&"copy".into(), &"multiply_add".into()));
    events[1..].iter().for_each(assert_timed);
    for kernel in kernels {
        if kernel["flops"].is_null() {
            assert!(kernel["gflops"].is_null() && kernel["flops_share"].is_null(), "{kernel}");
        } else {
            assert_rate(kernel, "flops", "gflops", "flops_share", multiply_add);
        }
        assert_rate(kernel, "bytes", "gbs", "bytes_share", copy);
    }
    for name in measured(&[12, 8]).remove(0).1 {
        let rows = events[1..].iter().filter(|event| event["kernel"] == name).count();
        assert!(rows > 0, "{name} has no row");
    }
    // Three layers: two matmuls of their own sizes, whose products are counted here by hand.
    let matmuls: Vec<_> = kernels.iter().filter(|row| row["kernel"] == "matmul").collect();
    let flops: Vec<_> = matmuls.iter().map(|row| number(row, "flops")).collect();
    assert_eq!(flops, [2.0 * TRAIN as f64 * 12.0 * 8.0, 2.0 * TRAIN as f64 * 8.0 * 12.0]);
    let sum: f64 =
        kernels.iter().map(|row| number(row, "calls") * row["flops"].as_f64().unwrap_or(0.0)).sum();
    assert_eq!(number(iteration, "flops"), sum);
    let sum: f64 = kernels.iter().map(|row| number(row, "calls") * number(row, "median_us")).sum();
    assert!((number(iteration, "kernels_us") - sum).abs() <= 1e-9 * sum, "{iteration}");
    assert_eq!(iteration["verified_samples"], TRAIN);
}

#[test]
fn every_plan_that_serves_the_network_is_measured() {
    let (stdout, _) = bench(&["--json", "--rounds", "1", "--limit", "100"], true, 0);
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let found: Vec<_> = events.iter().filter(|event| event["event"] == "iteration").collect();
    found.iter().for_each(|event| assert_timed(event));
    let measured = measured(&[10]);
    let expected: Vec<_> = measured.iter().map(|(kind, _)| Value::from(kind.name())).collect();
    assert_eq!(found.iter().map(|event| event["plan"].clone()).collect::<Vec<_>>(), expected);
    for (kind, kernels) in measured {
        for kernel in kernels.iter().filter(|kernel| !["copy", "multiply_add"].contains(kernel)) {
            let is_row = |event: &&Value| event["kernel"] == *kernel && event["plan"] == kind.name();
            assert_timed(events.iter().find(is_row).unwrap_or_else(|| panic!("{kernel} of {kind}")));
        }
    }
}

#[test]
fn what_is_wrong_gets_no_time_and_status_6() {
    let folder = edited(&[
        ("relu_backward.wgsl", "select(vec4f(0.0), da[i], z[i] > vec4f(0.0))", "da[i]"),
        ("copy.wgsl", "x[i];", "x[i] * 1.001;"),
    ]);
    let shaders = folder.path().to_str().expect("temporary paths are UTF-8");
    let (events, stderr) = events(&["--plan", "layerwise", "--shaders", shaders], 6);
    for event in &events[1..] {
        match event["kernel"].as_str() {
            Some("relu_backward") => assert_wrong(event, "dz: element"),
            Some("copy") => assert_wrong(event, "y: element"),
            // Not only for its kernel: the weights themselves were seen to differ.
            None => assert_wrong(event, "weights after 3 iterations: element"),
            Some(_) => assert_timed(event),
        }
        assert!(event["event"] != "kernel" || event["bytes_share"].is_null(), "no limit, no share: {event}");
    }
    assert!(events[events.len() - 1]["kernels_us"].is_null());
    for part in ["error: ", "relu_backward", "copy", "iteration"] {
        assert!(stderr.contains(part), "`{part}` is not in {stderr}");
    }
}

#[test]
fn the_table_has_aligned_columns() {
    let (stdout, _) = bench(&["--rounds", "1", "--limit", "100"], true, 0);
    let head = stdout.lines().find(|line| line.starts_with("text of a kernel ")).expect(&stdout);
    let column = head.find("median us").expect(head) + "median us".len();
    for name in measured(&[10]).into_iter().flat_map(|(_, kernels)| kernels) {
        let is_row =
            |line: &&str| line.starts_with(&format!("{name} ")) || line.starts_with(&format!("{name}."));
        let row = stdout.lines().find(is_row).expect(&stdout);
        assert!(row[..column].ends_with(|c: char| c.is_ascii_digit()), "{row}\n{head}");
        assert_eq!(row.len(), head.len(), "{row}\n{head}");
    }
    assert!(stdout.contains("iteration, plan layerwise") && stdout.contains("verified before"), "{stdout}");
}

/// The rows of kernels, by source.
fn rows(args: &[&str], status: i32) -> (Vec<Value>, String) {
    let (stdout, stderr) =
        bench(&[&["--json", "--rounds", "1", "--limit", "100"], args].concat(), true, status);
    let events = stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    (events.filter(|event| event["event"] == "kernel" || event["event"] == "iteration").collect(), stderr)
}

#[test]
fn kernels_that_are_asked_for_are_measured_alone_even_if_the_network_runs_none() {
    let (rows, _) = rows(&["--kernel", "relu,gelu", "--plan", "layerwise"], 0);
    rows.iter().for_each(assert_timed);
    let found: Vec<_> = rows.iter().map(|row| (&row["source"], &row["plan"], &row["file"])).collect();
    let [relu, gelu] = ["relu", "gelu"].map(Value::from);
    let (layerwise, files) = (Value::from("layerwise"), ["relu.wgsl", "gelu.wgsl"].map(Value::from));
    assert_eq!(found, [(&relu, &layerwise, &files[0]), (&gelu, &Value::Null, &files[1])]);
}

#[test]
fn edited_kernels_that_the_network_does_not_run_have_rows_of_their_own() {
    let folder = edited(&[
        ("gelu.wgsl", "z[i] * sigmoid_of", "0.999 * z[i] * sigmoid_of"),
        ("silu.wgsl", "// silu", "// SiLU"),
    ]);
    let shaders = folder.path().to_str().expect("temporary paths are UTF-8");
    let (rows, stderr) = rows(&["--shaders", shaders, "--plan", "layerwise"], 6);
    let row = |name: &str| rows.iter().find(|row| row["source"] == name).expect(name);
    assert_wrong(row("gelu"), "a: element");
    assert_timed(row("silu"));
    assert!(row("gelu")["plan"].is_null() && stderr.contains("the result is wrong: gelu"), "{stderr}");
}

#[test]
fn a_variant_is_forced_and_an_edited_file_takes_its_place_with_a_word() {
    let layers = ["--hidden", "128", "--plan", "layerwise"];
    let (tiled, _) = rows(&[&layers[..], &["--variant", "matmul.tiled"]].concat(), 0);
    for kernel in ["matmul", "matmul_pixels"] {
        let row = tiled.iter().find(|row| row["kernel"] == kernel).expect(kernel);
        assert_eq!(
            (&row["source"], &row["file"]),
            (&format!("{kernel}.tiled").into(), &"variants/matmul.tiled.wgsl".into())
        );
    }
    let folder = edited(&[("matmul.wgsl", "// matmul", "// MatMul")]);
    let shaders = folder.path().to_str().expect("temporary paths are UTF-8");
    let (rows, stderr) = rows(&[&layers[..], &["--kernel", "matmul", "--shaders", shaders]].concat(), 0);
    let runs = rows.iter().find(|row| !row["plan"].is_null()).expect("a row of the plan");
    assert_eq!(runs["source"], "matmul");
    let profile = DeviceProfile::of(&adapter());
    let sizes = shadegrad::kernels::Sizes { m: 100, k: 128, n: 12, ..Default::default() };
    let suits = shadegrad::kernels::entry("matmul").source(&profile, &sizes).name;
    let word = format!("the edited matmul runs in the place of {suits}");
    assert_eq!(stderr.contains(&word), suits != "matmul", "{stderr}");
}

#[test]
fn a_wrong_command_line_is_told_before_a_device_is_touched() {
    for (args, part) in [
        (&["--device", "cpu"][..], "shaders"),
        (&["--rounds", "0"], "'0'"),
        (&["--limit", "614"], "--limit 614: there are only 613"),
        (&["--hidden", "0"], "'0'"),
        (&["--iters", "3"], "--iters"),
        (&["--kernel", "rellu"], "--kernel rellu"),
        (&["--variant", "tiled"], "--variant tiled"),
    ] {
        let (stdout, stderr) = bench(args, false, 2);
        assert!(stdout.is_empty() && stderr.contains(part), "{args:?}: {stderr}");
    }
}

/// Drivers are hidden by the variables of Linux's loaders.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_there_is_nothing_to_measure() {
    let (stdout, stderr) = bench(&[], false, 4);
    assert!(stdout.is_empty() && stderr.contains("apt-get install mesa-vulkan-drivers"), "{stderr}");
}
