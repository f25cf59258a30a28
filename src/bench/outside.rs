//! Kernels that no plan of the network runs, at the sizes of a usual one.

use std::collections::BTreeSet;

use super::{BenchError, Limits, Observer, Row, Setup, Started, limits, timing::Stopwatch};
use crate::{
    gpu::{Device, ShaderError},
    kernels::{
        Case, CheckError, Checker, Depth, DeviceProfile, Entry, Interfaces, Nearest, Random, Sizes, Source,
        Trial, kernels_and_sources, needs_of_edited,
    },
};

/// What is to be measured beside the plans' kernels: those that are asked for by name, or else the edited ones.
pub(super) fn sources(setup: &Setup, run: &BTreeSet<&str>) -> Vec<(&'static Entry, &'static Source)> {
    kernels_and_sources()
        .filter(|(entry, source)| {
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
    (limits, started): (&Limits, &Started),
    observer: &mut dyn Observer,
) -> Result<Vec<Row>, BenchError> {
    let device = Device::open(setup.adapter, &needs_of_edited(setup.adapter, setup.shaders))?;
    let profiles = DeviceProfile::every(setup.adapter);
    let mut stopwatch = Stopwatch::new(&device, setup.rounds)?.as_started(started);
    let mut rows = Vec::new();
    for &(entry, source) in sources {
        let shape = (entry.shapes.usual)();
        let Some(&sizes) = source.ways(&profiles, &shape).first() else {
            observer.not_run(source)?;
            continue;
        };
        let checker = Checker::new(&device, setup.shaders, profiles.clone())?;
        let checks = checker.kernel(entry, Depth::Usual, |wanted| wanted.name == source.name)?;
        let outcome = checks.into_iter().next().map_or(Ok(None), |check| check.outcome);
        let mut row = Row::new((entry.name, source.name), sizes, 0, sizes, verdict(outcome)?);
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
            self.measure(stopwatch, &trial.dispatch)?;
        }
        Ok(())
    }
}
