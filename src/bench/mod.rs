//! How fast each kernel is at its real sizes, how fast the whole iteration, and what this device does
//! at most. Everything is verified first: what is wrong gets no time.

mod compile;
mod error;
mod iteration;
mod limits;
mod outside;
mod ratio;
mod row;
mod timing;
mod verify;

pub use compile::{CompileJob, Compiled, compile, compile_jobs, outcome};
pub use error::BenchError;
pub use iteration::Iteration;
pub use limits::Limits;
pub use ratio::Ratio;
pub use row::Row;
pub use timing::{Clock, Stopwatch, Times};

use std::{collections::BTreeSet, io, sync::Arc};

use crate::{
    data::Dataset,
    gpu::Adapter,
    kernels::{DeviceProfile, Shaders, Source},
    net::{Init, Parameters, Shape},
    plan::{PlanKind, PlanRequest},
    recipe::Recipe,
    train::{GpuEngine, TrainError},
};

/// The learning rate: that of `train`.
const ALPHA: f64 = 0.1;
/// Initial weights that stay tame in every width and depth, so that f32 and f64 do not part.
const INIT: Init = Init::He;
const SEED: u64 = 42;

/// What is measured, and where.
pub struct Setup<'a> {
    /// The adapter.
    pub adapter: &'a Adapter,
    /// The kernels' texts.
    pub shaders: &'a Shaders,
    /// The samples of an iteration.
    pub data: &'a Arc<Dataset>,
    /// The network.
    pub shape: &'a Shape,
    /// What of the device decides the kernels' texts.
    pub profile: DeviceProfile,
    /// Texts that are run where they can be, whatever suits the device.
    pub forced: BTreeSet<&'static str>,
    /// The only texts to measure, and no iteration; `None` for all of the network and the edited ones.
    pub only: Option<BTreeSet<&'static str>>,
    /// Samples of each time.
    pub rounds: usize,
}

/// How times are taken.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// The clock for limits and kernels; an iteration is always timed by the host's.
    pub clock: Clock,
    /// Why it is not the device's, where it is not.
    pub why_host: Option<String>,
}

/// Hears of the results as they come.
pub trait Observer {
    /// Everything is verified, measuring begins.
    ///
    /// # Errors
    /// If it could not be written, as for the other methods.
    fn start(&mut self, started: &Started) -> io::Result<()>;

    /// What the device does at most.
    ///
    /// # Errors
    /// As above.
    fn limit(&mut self, row: &Row) -> io::Result<()>;

    /// A kernel of a plan, or one that the network does not run, beside the limits.
    ///
    /// # Errors
    /// As above.
    fn kernel(&mut self, plan: Option<&'static str>, row: &Row, limits: &Limits) -> io::Result<()>;

    /// A text that cannot be measured, as this device does not run it.
    ///
    /// # Errors
    /// As above.
    fn not_run(&mut self, source: &'static Source) -> io::Result<()>;

    /// The whole iteration of a plan.
    ///
    /// # Errors
    /// As above.
    fn iteration(&mut self, iteration: &Iteration) -> io::Result<()>;
}

/// Verifies everything, then measures what is right, plan by plan.
///
/// # Errors
/// [`BenchError::NotTimed`] at the end if something is wrong; at once what the device or a shader met.
pub fn run(setup: &Setup, plans: &[PlanKind], observer: &mut dyn Observer) -> Result<(), BenchError> {
    let mut wrong = Wrong::default();
    let (mut known, mut run, mut is_empty) = (None, BTreeSet::new(), true);
    for &kind in plans {
        let whole = setup.only.is_none();
        let difference = if whole { verify::iteration(setup, kind)? } else { None };
        let mut engine = setup.engine(setup.data, kind)?;
        run.extend(engine.plan().steps().map(|step| step.source));
        let mut rows = row::verified(setup, &engine)?;
        let mut iteration = Iteration::new(setup, kind, &rows, difference);
        if whole {
            iteration.measure(&mut engine, setup.rounds)?;
        }

        let mut stopwatch = Stopwatch::new(engine.device(), setup.rounds)?;
        let limits = match &known {
            Some((limits, started)) => {
                stopwatch = stopwatch.as_started(started);
                *limits
            }
            None => {
                let limits = measured(setup, &mut stopwatch, observer, &mut wrong)?;
                known = Some((limits, stopwatch.started()));
                limits
            }
        };
        for row in &mut rows {
            row.measure_in(&mut stopwatch, &engine)?;
            observer.kernel(Some(kind.name()), row, &limits)?;
        }
        wrong.rows(&rows);
        is_empty &= rows.is_empty();
        if whole {
            iteration.add_up(&rows);
            observer.iteration(&iteration)?;
            if iteration.outcome.is_err() {
                wrong.name(format!("the iteration of plan {}", kind.name()));
            }
        }
    }
    let outside = outside::sources(setup, &run);
    if let Some((limits, started)) = known
        && !outside.is_empty()
    {
        let rows = outside::measure(setup, &outside, (&limits, &started), observer)?;
        wrong.rows(&rows);
        is_empty &= rows.is_empty();
    }
    if is_empty && !outside.is_empty() {
        let why: Vec<_> = outside
            .iter()
            .map(|(_, source)| format!("{}: it {}", source.name, source.why_no_way()))
            .collect();
        return Err(BenchError::Nothing(why.join("; ")));
    }
    wrong.verdict()
}

/// Measures and reports what the device does at most.
fn measured(
    setup: &Setup,
    stopwatch: &mut Stopwatch,
    observer: &mut dyn Observer,
    wrong: &mut Wrong,
) -> Result<Limits, BenchError> {
    let (rows, limits) = limits::measure(setup, stopwatch)?;
    observer.start(&stopwatch.started())?;
    rows.iter().try_for_each(|row| observer.limit(row))?;
    wrong.rows(&rows);
    Ok(limits)
}

/// What is wrong, each once.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn rows(&mut self, rows: &[Row]) {
        rows.iter().filter(|row| row.outcome.is_err()).for_each(|row| self.name(row.source.into()));
    }

    fn name(&mut self, name: String) {
        if !self.0.contains(&name) {
            self.0.push(name);
        }
    }

    fn verdict(self) -> Result<(), BenchError> {
        match self.0[..] {
            [] => Ok(()),
            _ => Err(BenchError::NotTimed(self.0.join(", "))),
        }
    }
}

impl Setup<'_> {
    fn parameters(&self) -> Parameters {
        INIT.parameters(self.shape, SEED)
    }

    /// What trains on `data`, as `train` has it.
    fn engine(&self, data: &Dataset, kind: PlanKind) -> Result<GpuEngine, TrainError> {
        let request = request(self.shape, data, self.profile, &self.forced);
        GpuEngine::open(self.adapter, self.shaders, &request, Some(kind), data, &self.parameters())
    }
}

/// What is measured on some data.
pub fn request(
    shape: &Shape,
    data: &Dataset,
    profile: DeviceProfile,
    forced: &BTreeSet<&'static str>,
) -> PlanRequest {
    let request = PlanRequest::new(shape, data.lengths(), (data.rows, data.cols), &recipe(), profile);
    PlanRequest { forced: forced.clone(), ..request }
}

/// What is measured: full-batch gradient descent.
pub fn recipe() -> Recipe {
    Recipe::gradient_descent(ALPHA)
}
