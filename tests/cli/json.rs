//! `--json`: the events of a training and their fields.

use super::*;
use common::data::CLASSES;

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
    let sha256 = start["data"]["sha256"].as_str().expect("the data's fingerprint");
    assert_eq!(sha256, common::dataset(7, 5, TRAIN, TEST).sha256());
    let data = serde_json::json!({"sha256": sha256, "train": TRAIN, "test": TEST, "classes": CLASSES, "rows": 7, "cols": 5});
    assert_eq!(start["data"], data);
    let flags = ["alpha", "backend", "data", "device", "hidden", "init", "iters", "limit", "report-every"];
    let more = ["activation", "augment", "batch", "early-stop", "epochs", "label-smoothing", "optimizer"];
    let rest = ["plan", "save", "schedule", "seed", "shaders", "target-acc", "val", "warmup", "weight-decay"];
    for flag in flags.iter().chain(&more).chain(&rest) {
        assert!(start["config"].get(flag).is_some(), "config has no {flag}: {start}");
    }
}

/// Loss, accuracies and seconds of a report or an end.
pub fn assert_figures(event: &Value) {
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
