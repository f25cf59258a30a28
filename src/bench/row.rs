//! A kernel at the sizes at which a plan runs it.

use super::{Setup, Times, cost, timing::Stopwatch, verify};
use crate::{
    Result,
    gpu::{Command, Dispatch},
    kernels::{Cost, Sizes},
    network::{Variants, Work},
    train::OnGpu,
};

/// One kernel at one set of sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The registered name.
    pub kernel: &'static str,
    /// What is timed.
    pub sizes: Sizes,
    /// Dispatches of an iteration with these sizes; 0 for a limit, and for what only a report needs.
    pub calls: usize,
    /// The least that a dispatch has to do.
    pub cost: Cost,
    /// What was compared with the CPU twin.
    pub verified: Sizes,
    /// The time of a dispatch, none before it is measured; or the first difference.
    pub outcome: Result<Option<Times>, String>,
}

impl Row {
    /// A row with its verdict, and no time so far.
    pub(super) fn new(kernel: &'static str, sizes: Sizes, verified: Sizes, wrong: Option<String>) -> Self {
        let outcome = wrong.map_or(Ok(None), Err);
        Row { kernel, sizes, calls: 0, cost: cost(kernel, &sizes), verified, outcome }
    }

    /// The time of a dispatch, where it has one.
    pub fn times(&self) -> Option<&Times> {
        self.outcome.as_ref().ok()?.as_ref()
    }

    /// Floating-point operations a second, at the median.
    pub fn flops(&self) -> Option<f64> {
        Some(self.cost.flops as f64 / self.times()?.median())
    }

    /// Bytes a second that had to be moved, at the median.
    pub fn bytes(&self) -> Option<f64> {
        Some(self.cost.bytes as f64 / self.times()?.median())
    }

    /// Times it where it is right.
    ///
    /// # Errors
    /// Where the device is lost.
    pub(super) fn measure(&mut self, stopwatch: &mut Stopwatch, dispatch: &Dispatch) -> Result<()> {
        if let Ok(times) = &mut self.outcome {
            *times = Some(stopwatch.measure(dispatch)?);
        }
        Ok(())
    }
}

/// A row for every kernel and set of sizes of an iteration, verified, in the order of their first
/// dispatch.
///
/// # Errors
/// What the device or a shader met.
pub(super) fn verified(setup: &Setup, engine: &OnGpu) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let of_iteration = dispatched(&engine.plan().iteration.commands).count();
    for (index, work) in engine.plan().work.iter().enumerate() {
        let calls = usize::from(index < of_iteration);
        if let Some(row) = rows.iter_mut().find(|row| is(row, work)) {
            row.calls += calls;
            continue;
        }
        let sizes = verify::proof_sizes(&work.sizes);
        let file = Variants::of(setup.adapter).file(work.kernel, &work.sizes);
        let file = setup.shaders.preferred(work.kernel, file);
        let wrong = verify::kernel(engine.device(), setup.shaders, (work.kernel, file), sizes)?;
        rows.push(Row { calls, ..Row::new(work.kernel, work.sizes, sizes, wrong) });
    }
    Ok(rows)
}

/// The first dispatch of each row.
pub(super) fn dispatches(engine: &OnGpu, rows: &[Row]) -> Vec<Dispatch> {
    let plan = engine.plan();
    let pairs: Vec<_> = plan.work.iter().zip(dispatched(&plan.iteration_with_metrics.commands)).collect();
    let first = |row: &Row| pairs.iter().find(|(work, _)| is(row, work));
    rows.iter().filter_map(first).map(|(_, dispatch)| (*dispatch).clone()).collect()
}

fn dispatched(commands: &[Command]) -> impl Iterator<Item = &Dispatch> {
    commands.iter().filter_map(|command| match command {
        Command::Dispatch(dispatch) => Some(dispatch),
        Command::Clear(_) => None,
    })
}

fn is(row: &Row, work: &Work) -> bool {
    row.kernel == work.kernel && row.sizes == work.sizes
}
