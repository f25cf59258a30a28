//! What is reported of a training beside its results: device, data, flags.

use std::{collections::BTreeMap, path::Path};

use clap::{Args, Command};
use serde_json::Value;

use super::TrainArgs;
use crate::{
    data::{Classes, Declared, Lengths},
    gpu::Adapter,
    net::Shape,
    recipe::{Decay, Recipe},
    report::{DataLine, DeviceLine, Plans},
    visible::shown,
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

/// The data as their headers declare them.
pub(super) fn declared_line(declared: &Declared) -> DataLine {
    let Lengths { train, val, test } = declared.lengths;
    let val = (val > 0).then_some(val);
    DataLine { train, val, test, classes: declared.classes.count, rows: declared.rows, cols: declared.cols }
}

/// Network, data and recipe.
pub(super) fn plans(args: &TrainArgs, declared: &Declared, shape: &Shape, recipe: &Recipe) -> Plans {
    Plans {
        network: format!("{shape}, {}, {} parameters", recipe.activation, shape.parameters()),
        data: declared_line(declared),
        folder: shown(&args.data.data).to_string(),
        recipe: recipe_line(args, recipe),
    }
}

fn recipe_line(args: &TrainArgs, recipe: &Recipe) -> String {
    let mut parts = vec![format!("{}, rate {}", recipe.optimizer, recipe.rate.alpha)];
    let given = |given: bool, part: String| given.then_some(part);
    parts.extend(given(args.schedule != Decay::Constant, format!("schedule {}", args.schedule)));
    parts.extend(given(args.warmup > 0, format!("warm-up {}", args.warmup)));
    parts.extend(given(recipe.weight_decay > 0.0, format!("weight decay {}", recipe.weight_decay)));
    parts.extend(given(recipe.smoothing > 0.0, format!("label smoothing {}", recipe.smoothing)));
    parts.push(recipe.batch.map_or("full batch".into(), |batch| format!("batch {batch}")));
    parts.extend(given(recipe.shift, "shifted images".into()));
    parts.push(format!("{} iterations", recipe.rate.iters));
    parts.push(format!("start {}", shown(Path::new(&args.init.to_string()))));
    parts.push(format!("seed {}", recipe.seed));
    parts.join(", ")
}

/// The flags by their names, with the values that were used.
pub(super) fn config(args: &TrainArgs) -> Value {
    serde_json::to_value(args).expect("flags have names and values")
}

/// What a model file says of its training: the flags of network and training, and the labels. Nothing in it depends
/// on the machine, so that the same training gives the same file.
pub(super) fn metadata(args: &TrainArgs, classes: &Classes, step: usize) -> BTreeMap<String, String> {
    let config = config(args);
    let flags = TrainArgs::augment_args(Command::new(""));
    let of_training =
        flags.get_arguments().filter(|flag| matches!(flag.get_help_heading(), Some("Network" | "Training")));
    let entry = |name: &str| match config.get(name)? {
        Value::Null => None,
        Value::String(text) => Some((name.to_owned(), text.clone())),
        value => Some((name.to_owned(), value.to_string())),
    };
    let own = [
        ("program", format!("shadegrad {}", env!("CARGO_PKG_VERSION"))),
        ("step", step.to_string()),
        ("classes", classes.count.to_string()),
        ("first-label", classes.first.to_string()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    of_training.filter_map(|flag| entry(flag.get_long()?)).chain(own).collect()
}
