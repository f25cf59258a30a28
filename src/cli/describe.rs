//! What is reported of a training beside its results: device, data, flags.

use std::collections::BTreeMap;

use clap::{Args, Command};
use serde_json::Value;

use super::TrainArgs;
use crate::{
    data::{Dataset, Samples},
    gpu::Adapter,
    report::{DataLine, DeviceLine},
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
pub(super) fn config(args: &TrainArgs) -> Value {
    serde_json::to_value(args).expect("flags have names and values")
}

/// What a model file says of its training: the flags of network and training. Nothing in it depends on the
/// machine, so that the same training gives the same file.
pub(super) fn metadata(args: &TrainArgs, step: usize) -> BTreeMap<String, String> {
    let config = config(args);
    let flags = TrainArgs::augment_args(Command::new(""));
    let of_training =
        flags.get_arguments().filter(|flag| matches!(flag.get_help_heading(), Some("Network" | "Training")));
    let entry = |name: &str| match config.get(name)? {
        Value::Null => None,
        Value::String(text) => Some((name.to_owned(), text.clone())),
        value => Some((name.to_owned(), value.to_string())),
    };
    let own = [("program", format!("shadegrad {}", env!("CARGO_PKG_VERSION"))), ("step", step.to_string())];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    of_training.filter_map(|flag| entry(flag.get_long()?)).chain(own).collect()
}
