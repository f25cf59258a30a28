//! An engine beside the CPU engine in f64, from the same start.

use super::{Engine, TrainError};
use crate::{
    compare::{Expected, Worst},
    data::Split,
    reference::CpuEngine,
};

/// How far a weight may be off after some iterations: relative where it is above 1. Roundings of f32 move it.
const BOUND: f64 = 1e-4;

/// Trains `iterations` iterations on both and compares the weights; the weight that comes nearest to its bound, or
/// the first difference. A sum that left samples out is one, too.
///
/// # Errors
/// What the device or a shader met.
pub fn follow(
    engine: &mut dyn Engine,
    mut twin: CpuEngine<f64>,
    iterations: usize,
) -> Result<Result<Worst, String>, TrainError> {
    let mut train = || {
        for _ in 0..iterations {
            engine.iterate(1)?;
        }
        engine.evaluate(Split::Train)?;
        engine.parameters()
    };
    let found = match train() {
        Err(error @ (TrainError::SamplesMissed { .. } | TrainError::Miscounted { .. })) => {
            return Ok(Err(error.to_string()));
        }
        found => found?,
    };
    for _ in 0..iterations {
        twin.iterate();
    }
    let values: Vec<_> = twin.parameters().values().collect();
    let bounds = values.iter().map(|value| BOUND * value.abs().max(1.0)).collect();
    let found: Vec<_> = found.values().map(f64::from).collect();
    let compared = Expected { values, bounds }.check(&found);
    Ok(compared.map_err(|difference| format!("weights after {iterations} iterations: {difference}")))
}
