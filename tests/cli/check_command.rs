//! `shadegrad check`: kernels against their twins on this adapter, and what a training says of edited ones.

use std::collections::BTreeSet;

use serde_json::Value;
use shadegrad::kernels::sources;
use tempfile::TempDir;

use super::{Run, path_text, replaced, run, without_driver};

/// A folder with one file, in which a text is replaced.
fn edited(name: &str, from: &str, to: &str) -> TempDir {
    replaced(&format!("{name}.wgsl"), &[(from, to)])
}

/// relu.wgsl with a slope below 0.
fn leaky() -> TempDir {
    edited("relu", "select(z[i], vec4f(0.0)", "select(z[i], 0.01 * z[i]")
}

fn kernel<'a>(events: &'a [Value], source: &str) -> &'a Value {
    events.iter().find(|event| event["source"] == source).unwrap_or_else(|| panic!("no row of {source}"))
}

#[test]
fn every_text_has_a_row_and_what_is_not_checked_has_a_reason() {
    let run = run(&["check", "--json"]).status(0);
    let events = run.events();
    assert_eq!(events[0]["event"], "check-start");
    assert!(events[0]["device"]["driver"].is_string() && events[0]["device"]["name"].is_string());
    for source in sources() {
        let row = kernel(&events, source.name);
        let share = row["share"].as_f64();
        assert!(row["wrong"].is_null() && row["refused"].is_null() && row["edited"] == false, "{row}");
        match row["not_checked"].as_str() {
            None => assert!(share.is_some_and(|share| (0.0..=1.0).contains(&share)), "{row}"),
            Some(why) => assert!(share.is_none() && row["cases"] == 0 && !why.is_empty(), "{row}"),
        }
    }
    let networks: Vec<_> = events.iter().filter(|event| event["event"] == "network").collect();
    let parts = [
        "gradients, fused",
        "gradients, layerwise",
        "iterations, fused",
        "iterations, layerwise",
        "mini-batches",
    ];
    for part in parts {
        let row = networks.iter().find(|row| row["name"].as_str().is_some_and(|name| name.contains(part)));
        let row = row.unwrap_or_else(|| panic!("no row of {part}"));
        assert!(
            row["share"].as_f64().is_some_and(|share| share <= 1.0) || row["not_checked"].is_string(),
            "{row}"
        );
    }
    let end = &events[events.len() - 1];
    let not_checked = |row: &&Value| row["not_checked"].is_string();
    let checked = events[1..events.len() - 1].iter().filter(|row| !not_checked(row)).count();
    assert_eq!((&end["event"], &end["checked"]), (&"check-end".into(), &checked.into()));
    assert_eq!((&end["wrong"], &end["refused"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    assert!(end["compile_s"].as_f64() > Some(0.0) && end["check_s"].as_f64() > Some(0.0), "{end}");
}

#[test]
fn what_is_wrong_is_named_with_both_values_and_status_6() {
    let folder = leaky();
    let args = ["check", "--shaders", path_text(folder.path()), "--kernel", "relu,copy"];
    let text = run(&args).status(6).says(&["error: 1 of 2 are wrong: relu", "edited: relu"]);
    for part in ["relu *", "WRONG at m 9, n 28", "a[", "expected 0", "networks: only kernels are asked for"] {
        assert!(text.stdout.contains(part), "`{part}` is not in\n{}", text.stdout);
    }
    assert!(text.stdout.lines().all(|line| line.chars().count() <= 80), "{}", text.stdout);
    let events = run(&[&args[..], &["--json"]].concat()).status(6).events();
    let wrong = &kernel(&events, "relu")["wrong"];
    assert!(
        wrong["found"].as_f64() < Some(0.0) && wrong["expected"] == 0.0 && wrong["bound"] == 0.0,
        "{wrong}"
    );
    assert!(wrong["buffer"] == "a" && wrong["index"].is_u64() && wrong["sizes"]["m"] == 9, "{wrong}");
    assert!(kernel(&events, "copy")["wrong"].is_null());
    assert_eq!(events[events.len() - 1]["wrong"], serde_json::json!(["relu"]));
}

#[test]
fn nan_is_wrong() {
    let folder = edited(
        "copy",
        "y[i] = x[i];",
        "y[i] = x[i]; if (i == 3u) { y[i].y = bitcast<f32>(0x7fc00000u + i - 3u); }",
    );
    let events = run(&["check", "--kernel", "copy", "--json", "--shaders", path_text(folder.path())])
        .status(6)
        .events();
    let wrong = &kernel(&events, "copy")["wrong"];
    assert_eq!((&wrong["found"], &wrong["index"]), (&"NaN".into(), &13.into()), "{wrong}");
}

#[test]
fn a_shader_that_does_not_fit_is_refused_and_the_others_are_checked() {
    let folder = replaced("relu.wgsl", &[("array<vec4f>", "array<vec2f>"), ("vec4f(", "vec2f(")]);
    let args = ["check", "--kernel", "relu,copy", "--json", "--shaders", path_text(folder.path())];
    let run = run(&args).status(5).says(&["would be written only in part"]);
    let events = run.events();
    assert!(kernel(&events, "relu")["refused"].as_str().is_some_and(|words| words.contains("relu.wgsl:")));
    assert!(kernel(&events, "copy")["share"] == 0.0);
}

#[test]
fn the_kernels_of_a_file_are_meant_by_its_name() {
    let found = |names: &str| -> BTreeSet<String> {
        let events = run(&["check", "--json", "--kernel", names]).status(0).events();
        events.iter().filter_map(|event| event["source"].as_str()).map(str::to_owned).collect()
    };
    assert_eq!(found("relu.wgsl,next_step"), BTreeSet::from(["relu".to_owned(), "next_step".to_owned()]));
    let of_file = ["matmul_pixels.small_subgroups", "matmul_pixels.tiled", "weight_gradient_pixels.tiled"];
    assert_eq!(found("x_u8"), BTreeSet::from(of_file.map(str::to_owned)));
}

#[test]
fn a_wrong_command_line_is_told_before_a_device_is_touched() {
    for (args, part) in [
        (&["--kernel", "rellu"][..], "--kernel rellu"),
        (&["--device", "cpu"], "--device cpu"),
        (&["--iters", "3"], "--iters"),
    ] {
        let run = Run::of(without_driver(&[&["check"], args].concat())).status(2).says(&[part]);
        assert_eq!(run.stdout, "");
    }
}

/// Drivers are hidden by the variables of Linux's loaders.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_nothing_is_checked() {
    let run = Run::of(without_driver(&["check"])).status(4).says(&[super::REMEDY]);
    assert_eq!(run.stdout, "");
}

fn train(folder: &TempDir, plan: &str) -> Run {
    let flags = ["--device", "gpu", "--plan", plan, "--iters", "3", "--quiet", "--shaders"];
    run(&[&flags[..], &[path_text(folder.path())]].concat())
}

#[test]
fn a_training_says_which_edited_kernels_differ_and_goes_on() {
    train(&leaky(), "layerwise").status(0).says(&[
        "relu differs from its twin (a[",
        "expected 0",
        "training with it",
    ]);
    let same = edited("relu", "// relu", "// ReLU");
    let run = train(&same, "layerwise").status(0);
    assert!(!run.stderr.contains("twin"), "{}", run.stderr);
}

#[test]
fn an_edited_text_that_the_training_does_not_run_is_named_and_found_by_check() {
    let folder = edited("variants/matmul.tiled", "if (quad < (n / 4u)) {", "if (quad + 1u < (n / 4u)) {");
    let trained = train(&folder, "layerwise");
    let runs_tiled = trained.stderr.contains("matmul.tiled differs")
        || trained.stderr.contains("matmul_pixels.tiled differs");
    let named = trained.stderr.contains("nothing in this training runs these edited shaders: matmul.tiled");
    assert!(named || runs_tiled, "{}", trained.stderr);
    let args = ["check", "--shaders", path_text(folder.path()), "--kernel", "matmul.tiled"];
    run(&args).status(6).says(&["wrong: matmul_pixels.tiled, matmul.tiled"]);
}
