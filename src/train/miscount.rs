//! Which kernel has counted more correct predictions than there are samples.

use super::TrainError;
use crate::{
    data::Split,
    gpu::Device,
    metrics::Metrics,
    plan::{Buffers, Op, PassId, Plan, Step, View},
};

/// Figures that a pass found, once they can be.
///
/// # Errors
/// [`TrainError::Miscounted`] with the first kernel of the pass that left a number which cannot be.
pub(super) fn checked(
    found: Option<Metrics>,
    (device, plan, buffers): (&Device, &Plan, &Buffers),
    (pass, split): (PassId, Split),
) -> Result<Option<Metrics>, TrainError> {
    let Some(Metrics { correct, samples, .. }) = found.filter(|found| found.correct > found.samples) else {
        return Ok(found);
    };
    let steps: Vec<_> = plan.passes.get(&pass).into_iter().flatten().filter_map(Op::step).collect();
    let mut kernel = steps.iter().rfind(|step| step.bind.contains_key("correct_sum")).map(|step| step.source);
    for step in steps {
        if counts_too_many(device, buffers, step)? {
            kernel = Some(step.source);
            break;
        }
    }
    let (kernel, device) = (kernel.unwrap_or("an unknown kernel"), device.adapter().to_string());
    Err(TrainError::Miscounted { kernel, device, set: split.name(), correct, samples })
}

/// Whether what a step leaves for a sample is more than 1, or for some samples more than they are.
fn counts_too_many(device: &Device, buffers: &Buffers, step: &Step) -> Result<bool, TrainError> {
    let binds = |name: &str| step.bind.get(name).copied();
    let read = |view: View| -> Result<Vec<u32>, TrainError> {
        let bytes = device.read(&[buffers.slice(view)])?;
        Ok(bytemuck::pod_collect_to_vec(&bytes[0]))
    };
    match (binds("correct"), binds("correct_partials"), binds("correct_sum")) {
        (Some(correct), None, None) => Ok(read(correct)?.into_iter().any(|correct| correct > 1)),
        (_, Some(partials), None) => {
            let sum: u64 = read(partials)?.into_iter().map(u64::from).sum();
            Ok(sum > step.sizes.m as u64)
        }
        _ => Ok(false),
    }
}
