//! `shadegrad bench`: every kernel at its real sizes and the whole iteration, verified and timed.

use std::{path::Path, sync::Arc};

use clap::Args;

use super::{DataArgs, DeviceArg, DeviceArgs, Error, NetworkArgs, ShaderArgs, describe, values};
use crate::{
    bench::{self, Setup},
    gpu::{Wanted, choose},
    kernels::{DeviceProfile, Shaders},
    net::Shape,
    plan::{self, PlanError, PlanKind, PlanRequest},
    report::{self, BenchHeader, shaders_in_use},
    session::{DataSource, graphics_apis},
};

/// What to measure.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    shaders: ShaderArgs,

    /// Samples of each time: their median is reported, and the shortest and the longest
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Output")]
    rounds: usize,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Verifies, measures and reports.
///
/// # Errors
/// The first thing that is wrong with flags, shaders, data or device; [`Error::Wrong`] in the end
/// if a kernel or the iteration is wrong.
pub fn run(args: &BenchArgs) -> Result<(), Error> {
    let wanted = match &args.device.device {
        Some(DeviceArg::Cpu) => {
            return Err(Error::Usage(
                "--device cpu: bench times shaders, and the CPU engine runs none: expected gpu or an adapter"
                    .into(),
            ));
        }
        Some(device) => device.wanted().unwrap_or(Wanted::Best),
        None => Wanted::Best,
    };
    let apis = graphics_apis(args.device.backend)?;
    let shaders = Shaders::load(args.shaders.shaders.as_deref().map(Path::new))?;
    let source = DataSource { folder: args.data.data.clone(), limit: args.data.limit, held_out: None };
    let data = Arc::new(source.load()?);
    let shape = Shape::new(data.train.inputs, &args.network.hidden, data.classes)?;
    let adapter = choose(&wanted, &apis)?;
    let plans =
        plans(args.shaders.plan, &bench::request(&shape, &data, DeviceProfile::of(&adapter)), &shaders)?;
    if let Some(folder) = &args.shaders.shaders {
        shaders_in_use(folder, &shaders.from_folder, &shaders.built_in);
    }
    let header = BenchHeader {
        device: describe::gpu_line(&adapter),
        network: shape.to_string(),
        samples: data.train.len(),
        rounds: args.rounds,
    };
    let setup =
        Setup { adapter: &adapter, shaders: &shaders, data: &data, shape: &shape, rounds: args.rounds };
    Ok(bench::run(&setup, &plans, report::bench(args.json, header).as_mut())?)
}

/// The plan that is asked for, or else all that serve the network.
fn plans(wanted: Option<PlanKind>, request: &PlanRequest, shaders: &Shaders) -> Result<Vec<PlanKind>, Error> {
    let mut plans = Vec::new();
    for kind in PlanKind::ALL.into_iter().filter(|&kind| wanted.is_none_or(|wanted| wanted == kind)) {
        match plan::choose(Some(kind), request, shaders) {
            Ok(_) => plans.push(kind),
            Err(PlanError::NotServed(_)) if wanted.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(plans)
}
