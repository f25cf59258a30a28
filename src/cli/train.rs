//! `shadegrad train`: from the flags to the exit status.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    DeviceArg, Error, InitArg, TrainArgs,
    describe::{self, config, cpu_line, gpu_line, metadata},
    edited,
    interrupt::training_begins,
    notices,
    options::{self, Resolved},
    rescue::or_rescue,
    save_target, values,
    waiting::Waiting,
};
use crate::{
    data::{Classes, Dataset, Declared},
    gpu::{Adapter, choose},
    kernels::{DeviceProfile, Shaders},
    metrics::Metrics,
    model,
    net::{Parameters, Shape},
    plan::{self, Plan, PlanKind, PlanRequest},
    recipe::Recipe,
    reference::CpuEngine,
    report::{Json, Reporter, Start, Text, note, warn},
    session::{DataSource, adapter_of_environment, fingerprint, graphics_apis, load_while, memory},
    train::{CpuTrainer, Divergence, End, Engine, Kept, Observer, Prepared, Reason, Report, train},
    visible::shown,
};

/// Trains, reports, and saves where asked to.
///
/// # Errors
/// The first thing that is wrong: flags, shaders, the file to save to, data, device.
pub fn run(args: &TrainArgs) -> Result<(), Error> {
    let apis = graphics_apis(args.device.backend)?;
    options::check(args)?;
    save_target::check(args)?;
    let shaders = Shaders::load(args.shaders.shaders.as_deref())?;
    if let Some(path) = &args.save {
        model::check_writable(path)?;
    }
    let source = DataSource {
        folder: args.data.data.clone(),
        limit: args.data.limit,
        held_out: args.val,
        transpose: args.data.transpose.into(),
    };
    let declared = source.declared()?;
    let Resolved { args, recipe, options } = &options::resolve(args, declared.lengths.train)?;
    let shape = Shape::new(declared.rows * declared.cols, &args.network.hidden, declared.classes.count)?;
    fits(args, &declared, &shape, recipe)?;
    let parameters = initial(args, &shape, recipe, &declared.classes)?;
    let request = |adapter: &Adapter| {
        let picture = (declared.rows, declared.cols);
        PlanRequest::new(&shape, declared.lengths, picture, recipe, DeviceProfile::of(adapter))
    };
    let wanted =
        args.device.device.as_ref().map_or_else(|| Some(values::default_adapter()), |device| device.wanted());
    if args.shaders.plan == Some(PlanKind::Fused) {
        plan::check_fused(recipe, &shape)?;
    }

    let mut reporter: Box<dyn Reporter> =
        if args.json { Box::new(Json::new(args.quiet)) } else { Box::new(Text::new(args.quiet)) };
    reporter.plans(&describe::plans(args, &declared, &shape, recipe))?;
    let waiting = Waiting::new(args.quiet)?;

    // A driver takes as long to load as the data, and to compile as the data to upload.
    let (data, found) = load_while(&source, declared.lengths, || {
        let wanted = wanted?;
        waiting.on("loading the driver");
        let adapter = choose(&wanted, &apis);
        Some(adapter.map(|adapter| {
            let prepared = prepare(&adapter, &shaders, &request(&adapter), args);
            (adapter, prepared)
        }))
    })?;
    let data_sha256 = fingerprint(&data);
    notices::announce(args, &declared, &data);
    let mut suspects = Vec::new();
    let (mut engine, kept, device, plan) = match or_cpu_fallback(args, found)? {
        Some((adapter, prepared)) => {
            if !args.quiet {
                edited::announce(args.shaders.shaders.as_deref(), &shaders);
            }
            let prepared = prepared?;
            edited::announce_plan(args.shaders.plan, prepared.plan(), &request(&adapter), &shaders)?;
            advise_engine(args, &adapter, prepared.plan());
            waiting.on("compiling shaders");
            suspects = prepared.plan().only_evaluates_with(&shaders);
            let mut engine = prepared.start(&shaders, &data, &parameters)?;
            edited::compare(engine.device(), engine.plan(), &shaders)?;
            let plan = engine.plan().kind.name();
            let kept = engine.keep(parameters);
            (Box::new(engine) as Box<dyn Engine>, kept, gpu_line(&adapter), plan)
        }
        None => {
            if let Some(folder) = &args.shaders.shaders {
                let folder = shown(folder);
                warn(&format!("the CPU engine runs no shaders: those in {folder} have no effect"));
            }
            memory::check(CpuEngine::<f32>::memory(&shape, declared.lengths.train, recipe))?;
            (on_cpu(&data, parameters, recipe), Kept::default(), cpu_line(), "cpu")
        }
    };
    let start = Start {
        device,
        plan,
        data: describe::declared_line(&declared),
        data_sha256: data_sha256(),
        config: config(args),
        iters: options.iters,
        epoch_iters: recipe.batch.map(|_| recipe.epoch_iters(data.train.len())),
    };
    reporter.start(&start)?;
    waiting.on("computing the first report");
    let reporter = Shared { reporter: Mutex::new(reporter), waiting };
    let stop = training_begins();
    let finish = |end: &End| {
        reporter.waiting.end();
        let remedy = edited::remedy(&suspects, recipe.rate.alpha);
        finish(args, &remedy, &declared.classes, end, reporter.lock().as_mut())
    };
    let mut end = or_rescue(stop, &kept, || train(engine.as_mut(), options, &mut &reporter, stop), finish)??;
    end.look_for_dead_units(&data.train, recipe.activation);
    finish(&end)
}

/// A reporter for two threads: the training's, and the one that ends it if its device does not answer.
struct Shared {
    reporter: Mutex<Box<dyn Reporter>>,
    waiting: Waiting,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Box<dyn Reporter>> {
        self.reporter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for &Shared {
    fn report(&mut self, report: &Report) -> std::io::Result<()> {
        self.waiting.end();
        self.lock().report(report)
    }

    fn progress(&mut self, done: usize) {
        self.lock().progress(done);
    }
}

/// Where the training starts.
fn initial(args: &TrainArgs, shape: &Shape, recipe: &Recipe, classes: &Classes) -> Result<Parameters, Error> {
    let path = match &args.init {
        InitArg::Drawn(init) => return Ok(init.parameters(shape, args.seed)),
        InitArg::File(path) => path,
    };
    let (parameters, metadata) = model::load_with_metadata(path, shape)?;
    match metadata.get("activation") {
        Some(activation) if activation != recipe.activation.name() => warn(&format!(
            "{} was trained with --activation {}, and this run takes {}",
            shown(path),
            model::excerpt(activation),
            recipe.activation.name()
        )),
        _ => {}
    }
    if let Some(first) = metadata.get("first-label").filter(|first| **first != classes.first.to_string()) {
        warn(&format!(
            "{} was trained on labels from {} on, and those of these data begin at {}: are they the same classes?",
            shown(path),
            model::excerpt(first),
            classes.first
        ));
    }
    Ok(parameters)
}

/// Whether the run fits the memory, as far as that can be known before a device is looked for.
fn fits(args: &TrainArgs, declared: &Declared, shape: &Shape, recipe: &Recipe) -> Result<(), Error> {
    let engine = match args.device.device {
        Some(DeviceArg::Cpu) => CpuEngine::<f32>::memory(shape, declared.lengths.train, recipe),
        _ => memory::of_parameters(shape),
    };
    Ok(memory::check(memory::of_samples(declared) + engine)?)
}

/// A device opened for a plan.
fn prepare(
    adapter: &Adapter,
    shaders: &Shaders,
    request: &PlanRequest,
    args: &TrainArgs,
) -> Result<Prepared, Error> {
    let plan = plan::choose(args.shaders.plan, request, shaders)?;
    if adapter.is_software() {
        memory::check(plan.memory())?;
    }
    Ok(Prepared::new(adapter, shaders, request, plan)?)
}

/// What was found, or with a loud word the CPU engine if no adapter was asked for.
fn or_cpu_fallback<T>(
    args: &TrainArgs,
    found: Option<Result<T, crate::gpu::DeviceError>>,
) -> Result<Option<T>, Error> {
    match found {
        Some(Err(error)) if args.device.device.is_none() && adapter_of_environment().is_none() => {
            warn(&format!(
                "{}\nwarning: NO GPU: TRAINING ON THE CPU ENGINE INSTEAD (--device gpu forbids this)",
                Error::from(error)
            ));
            Ok(None)
        }
        found => Ok(found.transpose()?),
    }
}

fn on_cpu(data: &Arc<Dataset>, parameters: Parameters, recipe: &Recipe) -> Box<dyn Engine> {
    Box::new(CpuTrainer::new(CpuEngine::new(data.clone(), parameters, recipe)))
}

/// Where a software driver runs the layerwise plan, the CPU engine does the same faster.
fn advise_engine(args: &TrainArgs, adapter: &Adapter, plan: &Plan) {
    if !args.quiet && adapter.is_software() && plan.kind == PlanKind::Layerwise {
        note("`--device cpu` is usually 1.3 to 3.4 times as fast on a software driver");
    }
}

/// Saves where asked to, reports the end, and turns its reason into a status. `remedy` is for a loss that is wrong.
fn finish(
    args: &TrainArgs,
    remedy: &str,
    classes: &Classes,
    end: &End,
    reporter: &mut dyn Reporter,
) -> Result<(), Error> {
    // Saved first: weights must not be lost if the last line cannot be written.
    let saved = save(args, classes, end);
    reporter.end(end, &model::weights_sha256(&end.parameters))?;
    if saved? && !args.quiet {
        note(&format!("saved to {}", shown(args.save.as_deref().unwrap_or(Path::new("")))));
    }
    for hint in &end.hints {
        note(&format!("hint: {hint}"));
    }
    if !end.hints.is_empty() {
        note(&format!("hint: {remedy} or --init he"));
    }
    status(args, remedy, end)
}

/// Saves where asked to, and returns whether it did; a training that diverged leaves no file.
fn save(args: &TrainArgs, classes: &Classes, end: &End) -> Result<bool, Error> {
    match &args.save {
        Some(path) if end.reason != Reason::Diverged => {
            model::save(path, &end.parameters, &metadata(args, classes, end.iters))?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn status(args: &TrainArgs, remedy: &str, end: &End) -> Result<(), Error> {
    match end.reason {
        Reason::Target => Ok(()),
        Reason::Iters | Reason::EarlyStop => reached(args, end),
        Reason::Interrupted => Err(Error::Interrupted),
        Reason::OutputLost(kind) => Err(Error::Output(kind.into())),
        Reason::Diverged => {
            let kept =
                args.save.as_ref().map_or(String::new(), |path| format!("; {} is not written", shown(path)));
            Err(Error::Diverged(format!(
                "training diverged after {} iterations: {}; {remedy}{kept}",
                end.iters,
                end.divergence.unwrap_or(Divergence::NotFinite),
            )))
        }
    }
}

/// Whether a target that was asked for is reached.
fn reached(args: &TrainArgs, end: &End) -> Result<(), Error> {
    let Some(target) = args.target_acc else { return Ok(()) };
    let Some(figures) = end.figures else { return Ok(()) };
    let set = if figures.val.is_some() { "validation" } else { "test" };
    let Metrics { correct, samples, .. } = figures.watched();
    Err(Error::TargetMissed { target, correct, set, samples, iters: end.iters })
}
