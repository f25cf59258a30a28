//! How to train, from the command line: batches, optimizers, rates, goals.

use shadegrad::recipe::{Activation, Optimizer};

use super::*;

/// Wrong values and wrong combinations, and what the message must name.
const WRONG: &[(&[&str], &[&str])] = &[
    (&["--iters", "500", "--epochs", "10"], &["--iters 500", "--epochs 10"]),
    (&["--batch", "0"], &["'0'", "--batch"]),
    (&["--batch", "-1"], &["'-1'", "--batch"]),
    (&["--batch", "half"], &["'half'", "full"]),
    (&["--batch", "614"], &["--batch 614", "613"]),
    (&["--batch", "600", "--val", "100"], &["--batch 600", "513"]),
    (&["--batch", "32", "--limit", "31"], &["--batch 32", "31"]),
    (&["--val", "0"], &["'0'", "--val"]),
    (&["--val", "613"], &["--val 613", "613"]),
    (&["--val", "50", "--limit", "50"], &["--val 50", "50"]),
    (&["--epochs", "-1"], &["'-1'", "--epochs"]),
    (&["--epochs", "1.5"], &["'1.5'", "--epochs"]),
    (&["--epochs", "18446744073709551615", "--batch", "2"], &["18446744073709551615", "307"]),
    (&["--iters", "100", "--warmup", "101"], &["--warmup 101", "100"]),
    (&["--epochs", "2", "--batch", "100", "--warmup", "15"], &["--warmup 15", "14"]),
    (&["--warmup", "-1"], &["'-1'", "--warmup"]),
    (&["--early-stop", "3"], &["--early-stop 3", "--val"]),
    (&["--early-stop", "5", "--val", "10", "--iters", "50"], &["--early-stop 5", "5 reports"]),
    (&["--early-stop", "0", "--val", "10"], &["'0'", "--early-stop"]),
    (&["--target-acc", "101"], &["'101'", "0 to 100"]),
    (&["--target-acc", "0.95"], &["'0.95'", "95?"]),
    (&["--target-acc", "-1"], &["'-1'", "0 to 100"]),
    (&["--target-acc", "nan"], &["'nan'", "0 to 100"]),
    (&["--label-smoothing", "1"], &["'1'", "below 1"]),
    (&["--label-smoothing", "-0.1"], &["'-0.1'", "below 1"]),
    (&["--weight-decay", "-1"], &["'-1'", "--weight-decay"]),
    (&["--weight-decay", "inf"], &["'inf'", "--weight-decay"]),
    (&["--augment", "shift"], &["--augment shift", "--batch"]),
    (&["--augment", "flip", "--batch", "10"], &["'flip'", "shift"]),
    (&["--schedule", "step"], &["'step'", "step:N:F"]),
    (&["--schedule", "step:0:0.5"], &["'step:0:0.5'", "step:N:F"]),
    (&["--schedule", "step:10:1.5"], &["'step:10:1.5'", "step:N:F"]),
    (
        &["--schedule", "step:90:0.5", "--warmup", "10", "--iters", "100"],
        &["step:90:0.5", "--warmup 10", "100"],
    ),
    (&["--alpha", "1e-60"], &["'1e-60'", "f32"]),
    (&["--label-smoothing", "0.999999999999"], &["'0.999999999999'", "below 1"]),
    (&["--schedule", "linear"], &["'linear'", "cosine"]),
    (&["--optimizer", "lion"], &["'lion'", "adamw"]),
    (&["--activation", "swish"], &["'swish'", "gelu"]),
];

#[test]
fn what_does_not_go_together_is_told_before_a_device_is_touched() {
    for (args, parts) in WRONG {
        for part in *parts {
            assert_usage_error(&format!("{args:?}"), Run::of(without_driver(args)), part);
        }
    }
}

#[test]
fn the_fused_plan_says_what_it_does_not_know() {
    for (args, part) in [
        (&["--batch", "64"][..], "64"),
        (&["--activation", "tanh"], "tanh"),
        (&["--label-smoothing", "0.1"], "0.1"),
    ] {
        let args = [args, &["--plan", "fused", "--device", "gpu", "--hidden", "5"]].concat();
        run(&args).status(2).says(&["--plan fused", part, "--plan layerwise"]);
    }
}

#[test]
fn epochs_of_batches_report_once_each_with_the_epoch_and_the_validation() {
    for device in ["cpu", "gpu"] {
        let args = ["--device", device, "--batch", "100", "--epochs", "3", "--val", "113", "--json"];
        let run = run(&args).status(0);
        let events = run.events();
        assert_eq!(run.start()["data"]["train"], 500);
        assert_eq!(run.start()["data"]["val"], 113);
        let config = &run.start()["config"];
        assert_eq!((&config["iters"], &config["report-every"]), (&15.into(), &5.into()));
        assert_eq!(events.len(), 5, "{}", run.stdout);
        for (number, event) in events[1..4].iter().enumerate() {
            assert_eq!(event["iter"], 5 * number);
            assert_eq!(event["epoch"], number as f64);
        }
        for event in &events[1..] {
            assert_figures(event);
            assert!(event["val_loss"].as_f64().is_some_and(|loss| loss > 0.0), "{event}");
            assert!(event["val_acc"].as_f64().is_some_and(|acc| (0.0..=1.0).contains(&acc)), "{event}");
        }
        assert_eq!((&run.end()["iters"], &run.end()["epoch"]), (&15.into(), &3.0.into()));
    }
}

#[test]
fn the_table_has_columns_for_epochs_and_validation() {
    let run = run(&["--device", "cpu", "--batch", "100", "--epochs", "2", "--val", "113"]).status(0);
    let table: Vec<_> = run.stdout.lines().skip_while(|line| !line.contains("epoch")).collect();
    assert!(table[0].contains("val loss") && table[0].contains("val%"), "{}", run.stdout);
    let columns = |line: &&str| line.split_whitespace().count();
    let widths: Vec<_> = table[1..].iter().take(3).map(columns).collect();
    assert_eq!(widths, [8, 8, 8], "{}", run.stdout);
}

#[test]
fn a_target_is_met_with_status_0_and_missed_with_6() {
    for device in ["cpu", "gpu"] {
        let args = ["--device", device, "--batch", "50", "--alpha", "0.5", "--epochs", "40", "--json"];
        let met = run(&[&args[..], &["--target-acc", "60"]].concat()).status(0);
        let end = met.end();
        assert_eq!(end["reason"], "target", "{device}");
        assert!(end["test_acc"].as_f64().is_some_and(|acc| acc >= 0.6), "{end}");
        let args = ["--device", device, "--iters", "3", "--target-acc", "99.5", "--json"];
        let missed = run(&args).status(6).says(&["99.5", "3 iterations", "101 test images"]);
        assert_eq!(missed.end()["reason"], "iters");
    }
}

/// A short way to an accuracy that a wrong kernel, order or rate does not reach.
#[test]
fn a_good_recipe_gets_far_on_mnist() {
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let args = ["--data", mnist, "--limit", "8000", "--hidden", "32", "--init", "he", "--batch", "64"];
    let more = ["--optimizer", "adam", "--alpha", "0.003", "--schedule", "cosine", "--warmup", "50"];
    let goal = ["--epochs", "4", "--target-acc", "91.5", "--report-every", "1000", "--device", "gpu"];
    run(&[&args[..], &more, &goal].concat()).status(0);
}

#[test]
fn a_training_that_does_not_get_better_stops_early() {
    for device in ["cpu", "gpu"] {
        let args = ["--device", device, "--alpha", "0", "--val", "50", "--early-stop", "2", "--json"];
        let end = run(&args).status(0).end();
        assert_eq!((&end["reason"], &end["iters"]), (&"early-stop".into(), &20.into()), "{device}");
    }
}

#[test]
fn every_optimizer_and_activation_trains_on_both_engines_to_the_same() {
    let alike = |args: &[&str]| {
        let run = |device| {
            let more = ["--device", device, "--batch", "100", "--epochs", "2", "--json", "--init", "xavier"];
            run(&[args, &more].concat()).status(0).end()
        };
        let [gpu, cpu] = ["gpu", "cpu"].map(run).map(|end| end["loss"].as_f64().expect("a loss"));
        assert!((gpu - cpu).abs() <= 1e-4, "{args:?}: {gpu} and {cpu}");
    };
    for optimizer in Optimizer::ALL.map(Optimizer::name) {
        alike(&["--optimizer", optimizer]);
    }
    for activation in Activation::ALL.map(Activation::name) {
        alike(&["--activation", activation, "--hidden", "9,6"]);
    }
}

#[test]
fn a_model_of_another_activation_is_taken_with_a_warning() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let args = ["--device", "cpu", "--iters", "0", "--activation", "tanh"];
    run(&[&args[..], &["--save", &save]].concat()).status(0).says(&["saved to", &save]);
    let same = run(&[&args[..], &["--init", &save]].concat()).status(0);
    assert!(!same.stderr.contains("warning"), "{}", same.stderr);
    run(&["--device", "cpu", "--iters", "0", "--init", &save]).status(0).says(&["warning", "tanh", "relu"]);
}

#[test]
fn the_learning_rate_follows_the_optimizer_where_none_is_given() {
    for (optimizer, alpha) in [("sgd", 0.1), ("rmsprop", 0.01), ("adamw", 0.001)] {
        let args = ["--device", "cpu", "--iters", "0", "--json", "--optimizer", optimizer];
        assert_eq!(run(&args).status(0).start()["config"]["alpha"], alpha);
    }
}
