//! The flags. A field is the only definition of its flag: name, parser, default, help, and its key in the
//! `config` of JSON lines and in a model's metadata.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::PathBufValueParser, value_parser};
use serde::Serialize;

use super::values::{self, Augment, DeviceArg, InitArg, TransposeArg};
use crate::{
    gpu::GraphicsApi,
    plan::PlanKind,
    recipe::{Activation, Decay, Optimizer},
};

/// Train a neural network with WGSL compute shaders that you can read, edit and measure.
///
/// Plain flags train; everything else is a subcommand.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do; training if none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to train.
    #[command(flatten)]
    pub train: TrainArgs,
}

/// Everything but training.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train (the default)
    Train(Box<TrainArgs>),
    /// Time every kernel and the whole iteration, and compare with the device's measured limits
    Bench(super::BenchArgs),
    /// Prove every kernel on this device: against its CPU formula in f64, and in a small network
    Check(super::CheckArgs),
    /// Look at a folder of edited shaders, and say after every save whether it compiles, is right, and how fast it is
    Watch(super::WatchArgs),
    /// List the GPU adapters
    Devices {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// List the shaders or write them to a folder
    Shaders {
        /// What to do with them.
        #[command(subcommand)]
        command: ShadersCommand,
    },
}

/// What to do with the shaders.
#[derive(Debug, Subcommand)]
pub enum ShadersCommand {
    /// List the kernels with their bindings
    List,
    /// Write the sources to a folder, to edit and to train with by --shaders
    Export {
        /// The folder; it is made if it is missing
        dir: PathBuf,
        /// Write what the driver really gets: marked loops unrolled, common part appended
        #[arg(long)]
        compiled: bool,
    },
}

/// Which samples.
#[derive(Debug, Clone, Args, Serialize)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Folder of the four IDX files, gzipped or plain, under the names of MNIST, EMNIST or QMNIST
    #[arg(long, value_name = "DIR", default_value = "data")]
    #[serde(serialize_with = "values::as_path")]
    pub data: PathBuf,
    /// Train on the first N images only
    #[arg(long, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true)]
    pub limit: Option<usize>,
    /// Swap rows and columns of every image [default: those of EMNIST, known by their files' names]
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    pub transpose: Option<TransposeArg>,
}

/// Which network.
#[derive(Debug, Clone, Args, Serialize)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Units of the hidden layers: 10, or 128,64
    #[arg(long, value_name = "N,...", default_value = "10", value_parser = values::hidden, allow_negative_numbers = true)]
    #[serde(serialize_with = "values::as_hidden")]
    pub hidden: std::vec::Vec<usize>, // the path keeps clap from taking it as a repeated flag
}

/// Which device.
#[derive(Debug, Clone, Args, Serialize)]
#[command(next_help_heading = "Device")]
pub struct DeviceArgs {
    /// gpu (any adapter, but not the CPU engine), cpu (the CPU engine), or an adapter's number or a part of its
    /// name [env: WGPU_ADAPTER_NAME]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceArg>,
    /// Graphics API to look for adapters on [env: WGPU_BACKEND]
    #[arg(long, value_name = "API", value_parser = values::graphics_api())]
    #[serde(serialize_with = "values::as_api")]
    pub backend: Option<GraphicsApi>,
}

/// Which shaders.
#[derive(Debug, Clone, Args, Serialize)]
#[command(next_help_heading = "Shaders")]
pub struct ShaderArgs {
    /// How an iteration is computed: fused (one narrow hidden layer) or layerwise; auto takes the
    /// fused plan if it serves the network and uses every edited shader
    #[arg(long, value_name = "PLAN", default_value = "auto", value_parser = values::plan)]
    #[serde(serialize_with = "values::as_plan")]
    pub plan: std::option::Option<PlanKind>, // the path keeps clap from making the flag's value optional
    /// Folder of edited shaders; files that it lacks are the built-in ones
    #[arg(long, value_name = "DIR", value_parser = PathBufValueParser::new())]
    #[serde(serialize_with = "values::as_optional_path")]
    pub shaders: Option<PathBuf>,
}

/// How to train.
#[derive(Debug, Clone, Args, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrainArgs {
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) data: DataArgs,
    /// Hold out the last N training images to validate on
    #[arg(long, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Data")]
    pub val: Option<usize>,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) network: NetworkArgs,
    /// Initial weights: uniform, he, xavier, or a model file
    #[arg(long, value_name = "INIT", default_value = "uniform", value_parser = values::init(), help_heading = "Network")]
    pub init: InitArg,
    /// Activation after every hidden layer
    #[arg(long, value_name = "NAME", default_value_t = Activation::Relu, value_parser = values::one_of::<Activation, _>(Activation::ALL.map(Activation::name)), help_heading = "Network")]
    pub activation: Activation,

    /// Updates of the weights [default: 500]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true, help_heading = "Training")]
    pub iters: Option<usize>,
    /// Passes over the training images, instead of --iters
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true, help_heading = "Training")]
    pub epochs: Option<usize>,
    /// Images of an update: full, or a number
    #[arg(long, value_name = "N", default_value = "full", value_parser = values::batch, allow_negative_numbers = true, help_heading = "Training")]
    #[serde(serialize_with = "values::as_batch")]
    pub batch: std::option::Option<usize>, // the path keeps clap from making the flag's value optional
    /// Shift the images of every batch by up to 2 pixels at random
    #[arg(long, value_name = "HOW", value_enum, help_heading = "Training")]
    pub augment: Option<Augment>,
    /// From the gradients to new weights
    #[arg(long, value_name = "NAME", default_value_t = Optimizer::Sgd, value_parser = values::one_of::<Optimizer, _>(Optimizer::ALL.map(Optimizer::name)), help_heading = "Training")]
    pub optimizer: Optimizer,
    /// Learning rate [default: 0.1; rmsprop 0.01; adam and adamw 0.001]
    #[arg(long, visible_alias = "lr", value_name = "LR", value_parser = values::alpha, allow_negative_numbers = true, help_heading = "Training")]
    pub alpha: Option<f64>,
    /// Learning rate over the iterations: constant, cosine (to 0 at the end), or step:N:F (every N
    /// iterations times F)
    #[arg(long, value_name = "HOW", default_value_t = Decay::Constant, help_heading = "Training")]
    pub schedule: Decay,
    /// Iterations in which the learning rate rises to --alpha
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::count, allow_negative_numbers = true, help_heading = "Training")]
    pub warmup: usize,
    /// L2 penalty: adds W times the parameter to its gradient; adamw takes it from the parameter instead [default: 0; adamw 0.01]
    #[arg(long, value_name = "W", value_parser = values::weight_decay, allow_negative_numbers = true, help_heading = "Training")]
    pub weight_decay: Option<f64>,
    /// Label smoothing: this much probability is spread evenly over all classes
    #[arg(long, value_name = "E", default_value_t = 0.0, value_parser = values::smoothing, allow_negative_numbers = true, help_heading = "Training")]
    pub label_smoothing: f64,
    /// Stop after N reports without a lower loss of the images of --val
    #[arg(long, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Training")]
    pub early_stop: Option<usize>,
    /// Stop at this accuracy on the test images, or those of --val; status 6 if it is missed
    #[arg(long, value_name = "PERCENT", value_parser = values::percent, allow_negative_numbers = true, help_heading = "Training")]
    pub target_acc: Option<f64>,
    /// Seed of the initial weights, and of the order of the batches
    #[arg(long, value_name = "N", default_value_t = 42, value_parser = values::seed, allow_negative_numbers = true, help_heading = "Training")]
    pub seed: u64,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) device: DeviceArgs,

    #[command(flatten)]
    #[serde(flatten)]
    pub(super) shaders: ShaderArgs,

    /// Report every N iterations [default: 10; with --batch, an epoch]
    #[arg(long, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Output")]
    pub report_every: Option<usize>,
    /// Write the final weights to a safetensors file
    #[arg(long, value_name = "FILE", value_parser = value_parser!(PathBuf), help_heading = "Output")]
    #[serde(serialize_with = "values::as_optional_path")]
    pub save: Option<PathBuf>,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    #[serde(skip)]
    pub json: bool,
    /// No progress and no reports, only the result
    #[arg(long, short, help_heading = "Output")]
    #[serde(skip)]
    pub quiet: bool,
}
