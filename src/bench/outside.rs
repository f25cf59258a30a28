//! Kernels that no plan of the network runs, at the sizes of a usual one.

use std::collections::BTreeSet;

use super::{BenchError, Limits, Observer, Row, Setup, limits, timing::Stopwatch};
use crate::{
    gpu::{Device, ShaderError},
    kernels::{
        Case, CheckError, Checker, Depth, DeviceProfile, Entry, Interfaces, Nearest, REGISTRY, Random, Sizes,
        Source, Trial, needs_of_edited,
    },
};

/// What is to be measured beside the plans' kernels: those that are asked for by name, or else the edited ones.
pub(super) fn sources(setup: &Setup, run: &BTreeSet<&str>) -> Vec<(&'static Entry, &'static Source)> {
    let all = REGISTRY.iter().flat_map(|entry| entry.sources.iter().map(move |source| (entry, source)));
    all.filter(|(entry, source)| {
        let wanted = match &setup.only {
            Some(only) => only.contains(source.name),
            None => setup.shaders.is_edited(source),
        };
        wanted && !run.contains(source.name) && !limits::KERNELS.contains(&entry.name)
    })
    .collect()
}

/// Verifies and measures them, and reports each row; what cannot be measured, with the reason.
///
/// # Errors
/// If the device is lost, or a row cannot be written.
pub(super) fn measure(
    setup: &Setup,
    sources: &[(&'static Entry, &'static Source)],
    limits: &Limits,
    observer: &mut dyn Observer,
) -> Result<Vec<Row>, BenchError> {
    let device = Device::open(setup.adapter, &needs_of_edited(setup.adapter, setup.shaders))?;
    let profiles = DeviceProfile::every(setup.adapter);
    let mut stopwatch = Stopwatch::new(&device, setup.rounds)?;
    let mut rows = Vec::new();
    for &(entry, source) in sources {
        let shape = (entry.shapes.usual)();
        let Some(sizes) = profiles.iter().find_map(|profile| (source.runs_on)(profile, &shape)) else {
            observer.not_run(source)?;
            continue;
        };
        let checker = Checker::new(&device, setup.shaders, profiles.clone())?;
        let checks = checker.kernel(entry, Depth::Usual, |wanted| wanted.name == source.name)?;
        let outcome = checks.into_iter().next().map_or(Ok(None), |check| check.outcome);
        let mut row = of_source(entry, source, sizes, verdict(outcome)?);
        row.measure_at(setup, entry, &device, &mut stopwatch)?;
        observer.kernel(None, &row, limits)?;
        rows.push(row);
    }
    Ok(rows)
}

/// What is wrong with a source, if something is; a shader that does not fit ends the bench.
fn verdict(outcome: Result<Option<(Nearest, Sizes)>, CheckError>) -> Result<Option<String>, ShaderError> {
    match outcome {
        Ok(_) => Ok(None),
        Err(CheckError::Shader(error)) => Err(error),
        Err(CheckError::Wrong { buffer, sizes, mismatch, .. }) => {
            Ok(Some(format!("at {sizes}: {buffer}: {mismatch}")))
        }
        Err(error) => Ok(Some(error.to_string())),
    }
}

fn of_source(entry: &'static Entry, source: &'static Source, sizes: Sizes, wrong: Option<String>) -> Row {
    Row::new((entry.name, source.name), sizes, 0, sizes, wrong)
}

impl Row {
    /// Times it, if it is right, on the buffers of its case.
    fn measure_at(
        &mut self,
        setup: &Setup,
        entry: &'static Entry,
        device: &Device,
        stopwatch: &mut Stopwatch,
    ) -> Result<(), BenchError> {
        let case: Case = (entry.case)(self.sizes, &mut Random::new(0));
        let shader = setup.shaders.get(self.source, &self.sizes)?;
        self.bytes_bound =
            shader.interface.bindings.iter().filter_map(|binding| case.bytes(&binding.name)).sum();
        if self.outcome.is_ok() {
            let trial = Trial::new(device, entry, &shader, &case)?;
            stopwatch.check(&trial.dispatch)?;
            self.measure(stopwatch, &trial.dispatch)?;
        }
        Ok(())
    }
}
