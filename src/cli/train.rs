//! `shadegrad train`: from the flags to the exit status.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    DeviceArg, InitArg, TrainArgs, course,
    describe::{config, cpu_line, data_line, gpu_line, metadata},
    wide_vectors,
};
use crate::{
    Error, Result,
    data::{Dataset, Lengths},
    gpu::{Adapter, Device, DeviceError, GraphicsApi, Wanted, choose},
    kernels::Shaders,
    model,
    network::{MAX_SAMPLES, Parameters, Plan, PlanKind, PlanSizes, Shape, Variants},
    recipe::Recipe,
    reference::CpuEngine,
    report::{Json, Reporter, Start, Text, note, warn},
    train::{End, Engine, OnCpu, OnGpu, Reason, train},
};

/// Trains, reports, and saves where asked to. May start the process over first, to give a software driver
/// wide vectors.
///
/// # Errors
/// The first thing that is wrong: flags, shaders, the file to save to, data, device.
pub fn run(args: &TrainArgs) -> Result<()> {
    let apis = graphics_apis(args.backend)?;
    check_plan(args)?;
    course::check(args)?;
    let shaders = Shaders::load(args.shaders.as_deref().map(Path::new))?;
    let wanted = wanted(args.device.as_ref());
    if let Some(wanted) = &wanted {
        let recipe = course::recipe(args);
        wide_vectors::ask_for(wanted, &apis, args.plan.0, &args.hidden.0, &recipe, &shaders);
    }
    if let Some(path) = &args.save {
        model::check_writable(path)?;
    }
    // The driver, if it is not loaded yet, and a shader take as long to load as the data does.
    let (data, found) = rayon::join(
        || load(&args.data, args.limit, args.val),
        || {
            let found = wanted.as_ref().map(|wanted| choose(wanted, &apis));
            if let Some(Ok(adapter)) = &found {
                parse_ahead(args, adapter, &shaders);
            }
            found
        },
    );
    let data = Arc::new(data?);
    let (recipe, course) = course::course(args, data.train.len())?;
    let shape = Shape::new(data.train.inputs, &args.hidden.0, data.classes)?;
    let parameters = match &args.init {
        InitArg::Drawn(init) => init.parameters(&shape, args.seed),
        InitArg::File(path) => from_file(path, &shape, &recipe)?,
    };
    let interrupted = on_interrupt();

    let adapter = found.map_or(Ok(None), |found| or_cpu(args, found))?;
    tell_shaders(args, &shaders, adapter.is_some());
    let (mut engine, device, plan) = match &adapter {
        Some(adapter) => {
            let kind = plan(args, adapter, &shape, data.train.len(), &recipe, &shaders)?;
            let sizes = PlanSizes::new(&shape, data.lengths(), &recipe, kind, Variants::of(adapter));
            (on_gpu(adapter, sizes, &shaders, &data, &parameters)?, gpu_line(adapter), kind.name())
        }
        None => (on_cpu(&data, &parameters, &recipe), cpu_line(), "cpu"),
    };
    let start = Start {
        device,
        plan,
        network: shape.to_string(),
        data: data_line(&data),
        config: config(args, &recipe, &course),
        iters: course.iters,
        epoch_iters: recipe.batch.map(|_| recipe.epoch_iters(data.train.len())),
    };
    let mut reporter: Box<dyn Reporter> =
        if args.json { Box::new(Json::new(args.quiet)) } else { Box::new(Text::new(args.quiet)) };
    reporter.start(&start)?;
    let end = train(engine.as_mut(), &course, reporter.as_mut(), interrupted)?;
    // Saved first: weights must not be lost where the last line cannot be written.
    let saved = save(args, &recipe, &end);
    reporter.end(&end, &model::weights_sha256(&end.parameters))?;
    if saved? && !args.quiet {
        note(&format!("saved to {}", args.save.as_deref().unwrap_or(Path::new("")).display()));
    }
    status(args, &recipe, &end)
}

/// The parameters of a model file, with a word where they come from another kind of network.
fn from_file(path: &Path, shape: &Shape, recipe: &Recipe) -> Result<Parameters> {
    let (parameters, metadata) = model::load_with_metadata(path, shape)?;
    match metadata.get("activation") {
        Some(activation) if activation != recipe.activation.name() => warn(&format!(
            "{} was trained with --activation {activation}, and this run takes {}",
            path.display(),
            recipe.activation.name()
        )),
        _ => {}
    }
    Ok(parameters)
}

/// Saves where asked to, and says whether it did; a training that diverged leaves no file.
fn save(args: &TrainArgs, recipe: &Recipe, end: &End) -> Result<bool> {
    match &args.save {
        Some(path) if end.reason != Reason::Diverged => {
            model::save(path, &end.parameters, &metadata(args, recipe, end))?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Turns the reason of the end into a status.
fn status(args: &TrainArgs, recipe: &Recipe, end: &End) -> Result<()> {
    match end.reason {
        Reason::Target => Ok(()),
        Reason::Iters | Reason::EarlyStop => reached(args, end),
        Reason::Interrupted => Err(Error::Interrupted),
        Reason::OutputLost(kind) => Err(Error::Output(kind.into())),
        Reason::Diverged => {
            let kept = args
                .save
                .as_ref()
                .map_or(String::new(), |path| format!("; {} is not written", path.display()));
            Err(Error::Diverged(format!(
                "training diverged: loss or weights are not finite after {} iterations; try a smaller --alpha (now {:?}){kept}",
                end.iters, recipe.rate.alpha
            )))
        }
    }
}

/// Whether a target that was asked for is reached.
fn reached(args: &TrainArgs, end: &End) -> Result<()> {
    let Some(target) = args.target_acc else { return Ok(()) };
    let (set, found) = end.val.map_or(("test", end.test), |val| ("validation", val));
    Err(Error::TargetMissed { target, hits: found.hits, set, samples: found.samples, iters: end.iters })
}

pub(super) fn load(folder: &Path, limit: Option<usize>, val: Option<usize>) -> Result<Dataset> {
    let mut data = Dataset::load(folder)?;
    if let Some(limit) = limit {
        let len = data.train.len();
        if limit > len {
            return Err(Error::Usage(format!("--limit {limit}: there are only {len} training images")));
        }
        data.train.truncate(limit);
    }
    if let Some(val) = val {
        let len = data.train.len();
        if val >= len {
            return Err(Error::Usage(format!(
                "--val {val}: of {len} training images at least one must be left to train on"
            )));
        }
        data.hold_out(val);
    }
    let largest = data.lengths().most();
    if largest > MAX_SAMPLES {
        return Err(Error::Usage(format!(
            "{largest} images in one set; at most {MAX_SAMPLES} are supported"
        )));
    }
    Ok(data)
}

/// The APIs to look for adapters on: the flag's, or those of `WGPU_BACKEND`; none means all.
pub(super) fn graphics_apis(flag: Option<GraphicsApi>) -> Result<Vec<GraphicsApi>> {
    match (flag, std::env::var("WGPU_BACKEND")) {
        (Some(api), _) => Ok(vec![api]),
        (None, Ok(names)) if !names.trim().is_empty() => {
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(GraphicsApi::named).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// What is asked of the adapters; nothing for the CPU engine.
pub(super) fn wanted(device: Option<&DeviceArg>) -> Option<Wanted> {
    match device {
        Some(DeviceArg::Cpu) => None,
        None | Some(DeviceArg::Gpu) => Some(Wanted::Best),
        Some(DeviceArg::Index(index)) => Some(Wanted::Index(*index)),
        Some(DeviceArg::Name(name)) => Some(Wanted::Name(name.clone())),
    }
}

/// The adapter that was found, or with a loud word the CPU engine where none was asked for.
fn or_cpu(args: &TrainArgs, found: Result<Adapter, DeviceError>) -> Result<Option<Adapter>, DeviceError> {
    match found {
        Err(error) if args.device.is_none() => {
            warn(&format!(
                "{error}\nwarning: NO GPU: TRAINING ON THE CPU ENGINE INSTEAD (--device gpu forbids this)"
            ));
            Ok(None)
        }
        found => found.map(Some),
    }
}

/// A plan is a way through the shaders.
fn check_plan(args: &TrainArgs) -> Result<()> {
    match (&args.device, args.plan.0) {
        (Some(DeviceArg::Cpu), Some(_)) => Err(Error::Usage(format!(
            "--plan {}: the CPU engine runs no shaders and has no plans",
            args.plan
        ))),
        _ => Ok(()),
    }
}

/// The plan that is asked for or follows; says where an edited shader has no part in it.
fn plan(
    args: &TrainArgs,
    adapter: &Adapter,
    shape: &Shape,
    images: usize,
    recipe: &Recipe,
    shaders: &Shaders,
) -> Result<PlanKind> {
    let variants = Variants::of(adapter);
    let choose = |shaders| PlanKind::choose(args.plan.0, shape, images, recipe, variants, shaders);
    let kind = choose(shaders)?;
    if args.plan.0.is_none() && choose(&Shaders::load(None)?)? != kind {
        note(&format!("the {} plan is the one that trains with the edited shaders", kind.name()));
    }
    let idle = |name: &&str| !kind.runs(name.split('.').next().unwrap_or(name), recipe);
    let (idle, unused): (Vec<_>, Vec<_>) = kind.unused(recipe, variants, shaders).into_iter().partition(idle);
    if !idle.is_empty() {
        warn(&format!("nothing in this training runs these edited shaders: {}", idle.join(", ")));
    }
    if !unused.is_empty() {
        let plan = kind.name();
        let names = unused.join(", ");
        warn(&format!(
            "the {plan} plan does not train with these edited shaders, though it may evaluate with them: {names}"
        ));
    }
    Ok(kind)
}

/// MNIST's training images.
const USUAL_IMAGES: usize = 60_000;

/// Shape and plan for data like MNIST: a guess while the data are not read.
pub(super) fn usual_plan(
    plan: Option<PlanKind>,
    hidden: &[usize],
    recipe: &Recipe,
    variants: Variants,
    shaders: &Shaders,
) -> Option<(Shape, PlanKind)> {
    let shape = Shape::new(784, hidden, 10).ok()?;
    let kind = PlanKind::choose(plan, &shape, USUAL_IMAGES, recipe, variants, shaders).ok()?;
    Some((shape, kind))
}

/// Parses the longest shader while the data are read. For data unlike MNIST it is parsed again, and what is
/// wrong with it is told then, too.
fn parse_ahead(args: &TrainArgs, adapter: &Adapter, shaders: &Shaders) {
    let (recipe, variants) = (course::recipe(args), Variants::of(adapter));
    if let Some((shape, kind)) = usual_plan(args.plan.0, &args.hidden.0, &recipe, variants, shaders) {
        let lengths = Lengths { train: 1, val: 0, test: 1 }; // the text does not depend on them
        let _ = PlanSizes::new(&shape, lengths, &recipe, kind, variants).parse_ahead(shaders);
    }
}

/// Says which shaders a `--shaders` run uses.
fn tell_shaders(args: &TrainArgs, shaders: &Shaders, on_gpu: bool) {
    let Some(folder) = &args.shaders else { return };
    if !on_gpu {
        warn(&format!("the CPU engine runs no shaders: those in {folder} have no effect"));
    } else if !args.quiet {
        eprint_shaders(folder, shaders);
    }
}

pub(super) fn eprint_shaders(folder: &str, shaders: &Shaders) {
    crate::report::note(&format!("shaders from {folder}: {}", shaders.from_folder.join(", ")));
    if !shaders.built_in.is_empty() {
        crate::report::note(&format!("built-in shaders: {}", shaders.built_in.join(", ")));
    }
}

fn on_gpu(
    adapter: &Adapter,
    sizes: PlanSizes,
    shaders: &Shaders,
    data: &Dataset,
    parameters: &Parameters,
) -> Result<Box<dyn Engine>> {
    let device = Device::open(adapter, &sizes.needs(shaders)?)?;
    let plan = Plan::new(&device, shaders, &sizes, data, parameters)?;
    Ok(Box::new(OnGpu::new(device, plan, sizes)))
}

fn on_cpu(data: &Arc<Dataset>, parameters: &Parameters, recipe: &Recipe) -> Box<dyn Engine> {
    Box::new(OnCpu::new(CpuEngine::new(data.clone(), parameters.clone(), recipe)))
}

/// A flag that the first Ctrl-C or SIGTERM sets; the second one ends the process at once.
fn on_interrupt() -> &'static AtomicBool {
    static INTERRUPTED: AtomicBool = AtomicBool::new(false);
    let installed = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Error::Interrupted.exit_status()));
        }
    });
    if let Err(error) = installed {
        warn(&format!("Ctrl-C will end the program at once: {error}"));
    }
    &INTERRUPTED
}
