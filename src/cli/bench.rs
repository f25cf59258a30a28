//! `shadegrad bench`: every kernel at its real sizes and the whole iteration, verified and timed.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, builder::NonEmptyStringValueParser};

use super::{DeviceArg, Hidden, PlanArg, describe, train, values, wide_vectors};
use crate::{
    Result,
    bench::{self, Setup},
    gpu::{Adapter, GraphicsApi, Wanted, choose},
    kernels::Shaders,
    network::{PlanKind, Shape, Variants},
    report::{self, BenchHeader},
};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Folder of the four IDX files, gzipped or plain
    #[arg(long, value_name = "DIR", default_value = "data", help_heading = "Data")]
    pub data: PathBuf,
    /// Iterate over the first N training images only
    #[arg(long, value_name = "N", value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Data")]
    pub limit: Option<usize>,

    /// Units of the hidden layers: 10, or 128,64
    #[arg(long, value_name = "N,...", default_value = "10", value_parser = values::hidden, allow_negative_numbers = true, help_heading = "Network")]
    pub hidden: Hidden,

    /// gpu (the best adapter), or an adapter's number or a part of its name
    #[arg(long, value_name = "DEVICE", default_value = "gpu", value_parser = adapter, help_heading = "Device")]
    pub device: DeviceArg,
    /// Graphics API to look for adapters on [env: WGPU_BACKEND]
    #[arg(long, value_name = "API", value_enum, help_heading = "Device")]
    pub backend: Option<GraphicsApi>,

    /// fused, layerwise, or auto for every plan that serves the network
    #[arg(long, value_name = "PLAN", default_value = "auto", value_parser = values::plan, help_heading = "Shaders")]
    pub plan: PlanArg,
    /// Folder of edited shaders; files that it lacks are the built-in ones
    #[arg(long, value_name = "DIR", value_parser = NonEmptyStringValueParser::new(), help_heading = "Shaders")]
    pub shaders: Option<String>,

    /// Samples of each time: their median is told, and the shortest and the longest
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Output")]
    pub rounds: usize,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `--device`, without the CPU engine.
fn adapter(text: &str) -> Result<DeviceArg, String> {
    match values::device(text)? {
        DeviceArg::Cpu => {
            Err("bench times shaders, and the CPU engine runs none: expected gpu or an adapter".into())
        }
        device => Ok(device),
    }
}

/// Verifies, measures and reports. May start the process over first, to give a software driver wide vectors.
///
/// # Errors
/// The first thing that is wrong with flags, shaders, data or device; [`crate::Error::NotTimed`] in the end
/// where a kernel or the iteration is wrong.
pub fn run(args: &BenchArgs) -> Result<()> {
    let apis = train::graphics_apis(args.backend)?;
    let shaders = Shaders::load(args.shaders.as_deref().map(Path::new))?;
    let wanted = train::wanted(Some(&args.device)).unwrap_or(Wanted::Best);
    wide_vectors::ask_for(&wanted, &apis, args.plan.0, &args.hidden.0, &bench::recipe(), &shaders);
    let data = Arc::new(train::load(&args.data, args.limit, None)?);
    let shape = Shape::new(data.train.inputs, &args.hidden.0, data.classes)?;
    let adapter = choose(&wanted, &apis)?;
    let plans = plans(args, &adapter, &shape, data.train.len(), &shaders)?;
    if let Some(folder) = &args.shaders {
        train::eprint_shaders(folder, &shaders);
    }
    let header = BenchHeader {
        device: describe::gpu_line(&adapter),
        network: shape.to_string(),
        samples: data.train.len(),
        rounds: args.rounds,
    };
    let setup =
        Setup { adapter: &adapter, shaders: &shaders, data: &data, shape: &shape, rounds: args.rounds };
    bench::run(&setup, &plans, report::bench(args.json, header).as_mut())
}

/// The plan that is asked for, or else all that serve the network.
fn plans(
    args: &BenchArgs,
    adapter: &Adapter,
    shape: &Shape,
    images: usize,
    shaders: &Shaders,
) -> Result<Vec<PlanKind>> {
    let recipe = bench::recipe();
    let serves = |kind| PlanKind::choose(Some(kind), shape, images, &recipe, Variants::of(adapter), shaders);
    match args.plan.0 {
        Some(kind) => Ok(vec![serves(kind)?]),
        None => {
            Ok([PlanKind::Fused, PlanKind::Layerwise].into_iter().filter_map(|k| serves(k).ok()).collect())
        }
    }
}
