//! A kernel at the sizes at which a plan runs it.

use super::{BenchError, Setup, Times, timing::Stopwatch, verify};
use crate::{
    gpu::{Command, DeviceError, Dispatch},
    kernels::{Sizes, entry},
    plan::{PassId, Step},
    train::GpuEngine,
};

/// One kernel at one set of sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The registered name.
    pub kernel: &'static str,
    /// The registered source.
    pub source: &'static str,
    /// What is timed.
    pub sizes: Sizes,
    /// Dispatches of an iteration with these sizes; 0 for a limit, and for what only a report needs.
    pub calls: usize,
    /// Floating-point operations of a dispatch, if the kernel multiplies matrices.
    pub flop: Option<u64>,
    /// Bytes that a dispatch has to read and write at least: all that it binds, once.
    pub bytes_bound: u64,
    /// What was compared with the CPU twin.
    pub verified: Sizes,
    /// The time of a dispatch, `None` before it is measured; or the first difference.
    pub outcome: Result<Option<Times>, String>,
}

impl Row {
    /// A row with its verdict, and no time so far.
    pub(super) fn new(
        (kernel, source): (&'static str, &'static str),
        sizes: Sizes,
        bytes_bound: u64,
        verified: Sizes,
        wrong: Option<String>,
    ) -> Self {
        let flop = entry(kernel).flops.map(|flops| flops(&sizes) as u64);
        let outcome = wrong.map_or(Ok(None), Err);
        Row { kernel, source, sizes, calls: 0, flop, bytes_bound, verified, outcome }
    }

    /// The time of a dispatch, if it has one.
    pub fn times(&self) -> Option<&Times> {
        self.outcome.as_ref().ok()?.as_ref()
    }

    /// Floating-point operations a second, at the median.
    pub fn flops(&self) -> Option<f64> {
        Some(self.flop? as f64 / self.times()?.median())
    }

    /// Bytes a second that had to be moved, at the median.
    pub fn bytes(&self) -> Option<f64> {
        Some(self.bytes_bound as f64 / self.times()?.median())
    }

    /// Times it if it is right.
    ///
    /// # Errors
    /// If the device is lost.
    pub(super) fn measure(
        &mut self,
        stopwatch: &mut Stopwatch,
        dispatch: &Dispatch,
    ) -> Result<(), DeviceError> {
        if let Ok(times) = &mut self.outcome {
            *times = Some(stopwatch.measure(dispatch)?);
        }
        Ok(())
    }

    /// Times the first dispatch of an engine's iteration that has its sizes.
    ///
    /// # Errors
    /// If the device is lost.
    pub(super) fn measure_in(
        &mut self,
        stopwatch: &mut Stopwatch,
        engine: &GpuEngine,
    ) -> Result<(), DeviceError> {
        let dispatch = dispatches(engine).find(|(step, _)| self.is_of(step)).map(|(_, dispatch)| dispatch);
        dispatch.map_or(Ok(()), |dispatch| self.measure(stopwatch, dispatch))
    }

    fn is_of(&self, step: &Step) -> bool {
        self.kernel == step.kernel && self.sizes == step.sizes
    }
}

/// A row for every kernel and set of sizes of an iteration, verified, in the order of their first
/// dispatch.
///
/// # Errors
/// What the device or a shader met.
pub(super) fn verified(setup: &Setup, engine: &GpuEngine) -> Result<Vec<Row>, BenchError> {
    let mut rows: Vec<Row> = Vec::new();
    for (step, _) in dispatches(engine) {
        let wanted = setup.only.as_ref().is_none_or(|only| only.contains(step.source));
        if !wanted || rows.iter().any(|row| row.is_of(step)) {
            continue;
        }
        let sizes = verify::case_sizes(&step.sizes);
        let wrong = verify::kernel(engine.device(), setup.shaders, (step.kernel, step.source), sizes)?;
        rows.push(Row::new((step.kernel, step.source), step.sizes, step.bytes(), sizes, wrong));
    }
    for step in engine.plan().steps_of(|pass| pass == PassId::Iterate) {
        rows.iter_mut().filter(|row| row.is_of(step)).for_each(|row| row.calls += 1);
    }
    Ok(rows)
}

/// The steps of an iteration and of its metrics, each with its dispatch.
fn dispatches(engine: &GpuEngine) -> impl Iterator<Item = (&Step, &Dispatch)> {
    let pass = PassId::IterateWithMetrics;
    let ops = engine.plan().passes.get(&pass).into_iter().flatten();
    ops.zip(engine.program().pass(pass)).filter_map(|(op, command)| match (op.step(), command) {
        (Some(step), Command::Dispatch(dispatch)) => Some((step, dispatch)),
        _ => None,
    })
}
