//! Flags and their values. What can be wrong with a value alone is told here, before anything runs.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, builder::NonEmptyStringValueParser, value_parser};

use crate::{
    gpu::GraphicsApi,
    network::{Init, MAX_HIDDEN_LAYERS, MAX_WIDTH, PlanKind},
};

/// Train a neural network with WGSL compute shaders that you can read, edit and measure.
///
/// Plain flags train; everything else is a subcommand.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub struct Cli {
    /// What to do; training where none is given.
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
    Train(TrainArgs),
    /// Time every kernel and the whole iteration, and compare with the device's measured limits
    Bench(super::BenchArgs),
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
        /// The folder; it is made where it is missing
        dir: PathBuf,
        /// Write what the driver really gets: marked loops written out, common part appended
        #[arg(long)]
        compiled: bool,
    },
}

/// How to train.
#[derive(Debug, Clone, Args)]
pub struct TrainArgs {
    /// Folder of the four IDX files, gzipped or plain
    #[arg(long, value_name = "DIR", default_value = "data", help_heading = "Data")]
    pub data: PathBuf,
    /// Train on the first N images only
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true, help_heading = "Data")]
    pub limit: Option<usize>,

    /// Units of the hidden layers: 10, or 128,64
    #[arg(long, value_name = "N,...", default_value = "10", value_parser = hidden, allow_negative_numbers = true, help_heading = "Network")]
    pub hidden: Hidden,
    /// Initial weights: uniform, he, xavier, or a model file
    #[arg(long, value_name = "INIT", default_value = "uniform", value_parser = init, help_heading = "Network")]
    pub init: InitArg,

    /// Updates of the weights
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = count, allow_negative_numbers = true, help_heading = "Training")]
    pub iters: usize,
    /// Learning rate
    #[arg(long, visible_alias = "lr", value_name = "LR", default_value_t = 0.1, value_parser = alpha, allow_negative_numbers = true, help_heading = "Training")]
    pub alpha: f64,
    /// Seed of the initial weights
    #[arg(long, value_name = "N", default_value_t = 42, value_parser = value_parser!(u64), allow_negative_numbers = true, help_heading = "Training")]
    pub seed: u64,

    /// gpu (any adapter, but not the CPU engine), cpu (the CPU engine), or an adapter's number or a part of its name
    #[arg(long, value_name = "DEVICE", value_parser = device, help_heading = "Device")]
    pub device: Option<DeviceArg>,
    /// Graphics API to look for adapters on [env: WGPU_BACKEND]
    #[arg(long, value_name = "API", value_enum, help_heading = "Device")]
    pub backend: Option<GraphicsApi>,

    /// How an iteration is computed: fused (one narrow hidden layer) or layerwise; auto takes the
    /// fused plan where it serves the network and uses every edited shader
    #[arg(long, value_name = "PLAN", default_value = "auto", value_parser = plan, help_heading = "Shaders")]
    pub plan: PlanArg,
    /// Folder of edited shaders; files that it lacks are the built-in ones
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new(), help_heading = "Shaders")]
    pub shaders: Option<String>,

    /// Report every N iterations
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one, allow_negative_numbers = true, help_heading = "Output")]
    pub report_every: usize,
    /// Write the final weights to a safetensors file
    #[arg(long, value_name = "FILE", value_parser = value_parser!(PathBuf), help_heading = "Output")]
    pub save: Option<PathBuf>,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// No progress and no reports, only the result
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

/// Units of the hidden layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden(pub Vec<usize>);

/// `--plan`: none for auto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanArg(pub Option<PlanKind>);

/// `--device`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceArg {
    /// Any adapter, a software one included, but not the CPU engine.
    Gpu,
    /// The CPU engine.
    Cpu,
    /// The adapter of this number in `shadegrad devices`.
    Index(usize),
    /// The best adapter with this in its name.
    Name(String),
}

/// `--init`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitArg {
    /// Drawn from the seed.
    Drawn(Init),
    /// Read from a model file.
    File(PathBuf),
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 0".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    number(text)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match number(text) {
        Ok(value) if value >= 1 => Ok(value),
        _ => Err("expected a whole number of at least 1".into()),
    }
}

/// A learning rate must be a number that f32 holds, as the kernels compute in it.
fn alpha(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value <= f64::from(f32::MAX) => Ok(value),
        _ => Err(format!("expected a learning rate from 0 to {:e}", f32::MAX)),
    }
}

pub(super) fn hidden(text: &str) -> Result<Hidden, String> {
    let width = |part: &str| match part.trim().parse() {
        Ok(width) if (1..=MAX_WIDTH).contains(&width) => Ok(width),
        _ => Err(format!("expected 1 to {MAX_WIDTH} units a layer, such as 10 or 128,64; found `{part}`")),
    };
    let widths = text.split(',').map(width).collect::<Result<Vec<_>, _>>()?;
    match widths.len() {
        1..=MAX_HIDDEN_LAYERS => Ok(Hidden(widths)),
        layers => Err(format!("expected 1 to {MAX_HIDDEN_LAYERS} hidden layers, found {layers}")),
    }
}

pub(super) fn device(text: &str) -> Result<DeviceArg, String> {
    match text.trim() {
        "" => Err("expected gpu, cpu, a number of `shadegrad devices` or a part of a name".into()),
        name if name.eq_ignore_ascii_case("gpu") => Ok(DeviceArg::Gpu),
        name if name.eq_ignore_ascii_case("cpu") => Ok(DeviceArg::Cpu),
        name => Ok(name.parse().map_or_else(|_| DeviceArg::Name(name.into()), DeviceArg::Index)),
    }
}

pub(super) fn plan(text: &str) -> Result<PlanArg, String> {
    match text {
        "auto" => Ok(PlanArg(None)),
        "fused" => Ok(PlanArg(Some(PlanKind::Fused))),
        "layerwise" => Ok(PlanArg(Some(PlanKind::Layerwise))),
        _ => Err("expected auto, fused or layerwise".into()),
    }
}

fn init(text: &str) -> Result<InitArg, String> {
    match text {
        "uniform" => Ok(InitArg::Drawn(Init::Uniform)),
        "he" => Ok(InitArg::Drawn(Init::He)),
        "xavier" => Ok(InitArg::Drawn(Init::Xavier)),
        file if std::path::Path::new(file).exists() => Ok(InitArg::File(file.into())),
        _ => Err("expected uniform, he, xavier or an existing model file".into()),
    }
}

impl std::fmt::Display for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<_> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&widths.join(","))
    }
}

impl std::fmt::Display for PlanArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.map_or("auto", PlanKind::name))
    }
}

impl std::fmt::Display for DeviceArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeviceArg::Gpu => f.write_str("gpu"),
            DeviceArg::Cpu => f.write_str("cpu"),
            DeviceArg::Index(index) => write!(f, "{index}"),
            DeviceArg::Name(name) => f.write_str(name),
        }
    }
}

impl std::fmt::Display for InitArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InitArg::Drawn(Init::Uniform) => f.write_str("uniform"),
            InitArg::Drawn(Init::He) => f.write_str("he"),
            InitArg::Drawn(Init::Xavier) => f.write_str("xavier"),
            InitArg::File(path) => path.display().fmt(f),
        }
    }
}
