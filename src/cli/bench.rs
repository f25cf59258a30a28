//! `shadegrad bench`: every kernel at its real sizes and the whole iteration, verified and timed; or what the
//! driver takes to compile them.

use std::{collections::BTreeSet, env, process, sync::Arc};

use clap::Args;

use super::{DataArgs, DeviceArgs, Error, NetworkArgs, ShaderArgs, describe, edited, values};
use crate::{
    bench::{self, CompileJob, Setup},
    gpu::{Adapter, GraphicsApi, Wanted, choose},
    kernels::{DeviceProfile, Shaders},
    net::Shape,
    plan::{self, Plan, PlanError, PlanKind, PlanRequest},
    report::{self, BenchHeader, CompileTable},
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

    /// Only these: a kernel, one of its texts (matmul.tiled), or a file; what the network does not run is measured
    /// at the sizes of a usual one
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Shaders")]
    kernel: Vec<String>,
    /// Run these texts wherever they can be run, whatever suits the device: matmul.tiled
    #[arg(long, value_name = "FILE,...", value_delimiter = ',', help_heading = "Shaders")]
    variant: Vec<String>,
    /// Samples of each time: their median is reported, and the shortest and the longest
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = values::at_least_one, allow_negative_numbers = true, help_heading = "Output")]
    rounds: usize,
    /// Instead, measure what the driver takes to compile each variant that the adapter can run: time and
    /// memory, each in a process of its own, without shader caches
    #[arg(long, help_heading = "Output", conflicts_with_all = ["data", "limit", "transpose", "hidden", "plan", "rounds", "kernel", "variant"])]
    compile: bool,
    /// The one job of --compile that this process does
    #[arg(long, value_name = "N", hide = true, requires = "compile")]
    compile_job: Option<usize>,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Verifies, measures and reports.
///
/// # Errors
/// The first thing that is wrong with flags, shaders, data or device; [`Error::Wrong`] in the end
/// if a kernel or the iteration is wrong, or does not compile.
pub fn run(args: &BenchArgs) -> Result<(), Error> {
    let wanted = values::gpu("bench", args.device.device.as_ref())?;
    let apis = graphics_apis(args.device.backend)?;
    let shaders = Shaders::load(args.shaders.shaders.as_deref())?;
    if args.compile {
        return compile(args, &wanted, &apis, &shaders);
    }
    let source = DataSource {
        folder: args.data.data.clone(),
        limit: args.data.limit,
        held_out: None,
        transpose: args.data.transpose.into(),
    };
    let data = Arc::new(source.load(source.declared()?.lengths)?);
    let shape = Shape::new(data.train.inputs, &args.network.hidden, data.classes)?;
    if args.shaders.plan == Some(PlanKind::Fused) {
        plan::check_fused(&bench::recipe(), &shape)?;
    }
    let only = if args.kernel.is_empty() { None } else { Some(values::kernels("--kernel", &args.kernel)?) };
    let forced = values::kernels("--variant", &args.variant)?;
    let adapter = choose(&wanted, &apis)?;
    let profile = profile(&adapter, &forced);
    let request = bench::request(&shape, &data, profile, &forced);
    edited::announce(args.shaders.shaders.as_deref(), &shaders);
    let plans = plans(args.shaders.plan, &request, &shaders)?;
    check_forced(&args.variant, &forced, &plans)?;
    for plan in &plans {
        edited::announce_files(plan, &request, &shaders)?;
    }
    let plans: Vec<_> = plans.iter().map(|plan| plan.kind).collect();
    let header = BenchHeader {
        device: describe::gpu_line(&adapter),
        network: shape.to_string(),
        samples: data.train.len(),
        rounds: args.rounds,
    };
    let setup = Setup {
        adapter: &adapter,
        shaders: &shaders,
        data: &data,
        shape: &shape,
        profile,
        forced,
        only,
        rounds: args.rounds,
    };
    Ok(bench::run(&setup, &plans, report::bench(args.json, header).as_mut())?)
}

/// What of the adapter decides the texts, with the variant of `fused_step` that is asked for.
fn profile(adapter: &Adapter, forced: &BTreeSet<&'static str>) -> DeviceProfile {
    let of_adapter = DeviceProfile::of(adapter);
    let is_forced =
        |profile: &DeviceProfile| profile.fused_step.is_some_and(|variant| forced.contains(variant.file()));
    let every = [of_adapter].into_iter().chain(DeviceProfile::every(adapter));
    every.into_iter().find(is_forced).unwrap_or(of_adapter)
}

/// Requires that a plan runs what is asked for.
fn check_forced(names: &[String], forced: &BTreeSet<&'static str>, plans: &[Plan]) -> Result<(), Error> {
    let runs = plans.iter().flat_map(Plan::steps).any(|step| forced.contains(step.source));
    if runs || forced.is_empty() {
        return Ok(());
    }
    let (names, kinds) = (names.join(","), plans.iter().map(|plan| plan.kind.name()).collect::<Vec<_>>());
    let kinds = kinds.join(", ");
    Err(Error::Usage(format!(
        "--variant {names}: no plan of this network ({kinds}) runs it on this device; `--kernel {names}` measures it by \
         itself where it can be run"
    )))
}

/// Measures compiling: one job, or all of them in processes of their own.
fn compile(args: &BenchArgs, wanted: &Wanted, apis: &[GraphicsApi], shaders: &Shaders) -> Result<(), Error> {
    let adapter = choose(wanted, apis)?;
    let jobs = bench::compile_jobs(&adapter);
    match args.compile_job {
        None => {
            edited::announce(args.shaders.shaders.as_deref(), shaders);
            compile_all(args.json, &adapter, &jobs)
        }
        Some(number) => {
            let job = jobs.get(number).ok_or_else(|| {
                Error::Usage(format!("--compile-job {number}: there are {} jobs, from 0", jobs.len()))
            })?;
            Ok(CompileTable::only(&bench::compile(&adapter, shaders, job)?)?)
        }
    }
}

/// Each job in a process that has this one's flags and the job's number.
fn compile_all(json: bool, adapter: &Adapter, jobs: &[CompileJob]) -> Result<(), Error> {
    let this = env::current_exe()
        .map_err(|error| Error::Wrong(format!("cannot find this program to start it again: {error}")))?;
    let mut table = CompileTable::start(json, &describe::gpu_line(adapter))?;
    let mut failed = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let mut process = process::Command::new(&this);
        // After the subcommand: what follows `--` is no flag.
        let mut args = env::args_os().skip(1);
        process.args(args.next()).args(["--compile-job", &number.to_string()]).args(args);
        let outcome = bench::outcome(&mut process);
        table.row(job, &outcome)?;
        failed.extend(outcome.is_err().then(|| job.to_string()));
    }
    match failed[..] {
        [] => Ok(()),
        _ => Err(Error::Wrong(format!(
            "{} of {} do not compile: {}",
            failed.len(),
            jobs.len(),
            failed.join("; ")
        ))),
    }
}

/// The plan that is asked for, or else all that serve the network.
fn plans(wanted: Option<PlanKind>, request: &PlanRequest, shaders: &Shaders) -> Result<Vec<Plan>, Error> {
    let mut plans = Vec::new();
    for kind in PlanKind::ALL.into_iter().filter(|&kind| wanted.is_none_or(|wanted| wanted == kind)) {
        match plan::choose(Some(kind), request, shaders) {
            Ok(plan) => plans.push(plan),
            Err(PlanError::NotServed(_)) if wanted.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(plans)
}
