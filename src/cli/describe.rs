//! What is told of a training beside its results: device, data, flags.

use std::collections::BTreeMap;

use super::{DeviceArg, TrainArgs};
use crate::{
    data::{Dataset, Samples},
    gpu::{Adapter, GraphicsApi},
    recipe::Recipe,
    report::{DataLine, DeviceLine},
    train::{Course, End},
};

/// A GPU.
pub(super) fn gpu_line(adapter: &Adapter) -> DeviceLine {
    DeviceLine {
        name: adapter.name(),
        backend: adapter.backend().into(),
        driver: adapter.driver(),
        kind: adapter.kind().into(),
    }
}

pub(super) fn cpu_line() -> DeviceLine {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    DeviceLine {
        name: format!("CPU engine, {threads} threads"),
        backend: "cpu".into(),
        driver: "none needed".into(),
        kind: "cpu".into(),
    }
}

pub(super) fn data_line(data: &Dataset) -> DataLine {
    DataLine {
        train: data.train.len(),
        val: data.val.as_ref().map(Samples::len),
        test: data.test.len(),
        classes: data.classes,
        rows: data.rows,
        cols: data.cols,
    }
}

/// The flags by their names, with the values that were used.
pub(super) fn config(args: &TrainArgs, recipe: &Recipe, course: &Course) -> serde_json::Value {
    serde_json::json!({
        "data": args.data,
        "limit": args.limit,
        "val": args.val,
        "augment": recipe.shift.then_some("shift"),
        "hidden": args.hidden.to_string(),
        "init": args.init.to_string(),
        "activation": recipe.activation.name(),
        "iters": course.iters,
        "epochs": args.epochs,
        "batch": args.batch.to_string(),
        "optimizer": recipe.optimizer.name(),
        "alpha": recipe.rate.alpha,
        "schedule": args.schedule.to_string(),
        "warmup": args.warmup,
        "weight-decay": recipe.weight_decay,
        "label-smoothing": recipe.smoothing,
        "early-stop": args.early_stop,
        "target-acc": args.target_acc,
        "seed": args.seed,
        "device": args.device.as_ref().map(DeviceArg::to_string),
        "backend": args.backend.map(GraphicsApi::name),
        "plan": args.plan.to_string(),
        "shaders": args.shaders,
        "report-every": course.report_every,
        "save": args.save,
    })
}

/// What a model file says of its training. Nothing in it depends on the machine, so that the same
/// training gives the same file.
pub(super) fn metadata(args: &TrainArgs, recipe: &Recipe, end: &End) -> BTreeMap<String, String> {
    [
        ("program", format!("shadegrad {}", env!("CARGO_PKG_VERSION"))),
        ("hidden", args.hidden.to_string()),
        ("init", args.init.to_string()),
        ("activation", recipe.activation.name().into()),
        ("seed", args.seed.to_string()),
        ("batch", args.batch.to_string()),
        ("augment", if recipe.shift { "shift" } else { "none" }.into()),
        ("optimizer", recipe.optimizer.name().into()),
        ("alpha", recipe.rate.alpha.to_string()),
        ("schedule", args.schedule.to_string()),
        ("warmup", args.warmup.to_string()),
        ("weight-decay", recipe.weight_decay.to_string()),
        ("label-smoothing", recipe.smoothing.to_string()),
        ("step", end.iters.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
