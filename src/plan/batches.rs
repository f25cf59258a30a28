//! Mini-batches, and what differs from step to step: the host writes the order of the samples and the
//! learning rates of many steps ahead, and a counter on the device says which step it is at. So all steps
//! are the same commands.

use super::{
    Op, PassId,
    iteration::{iteration, metrics_ops},
    memory::{LayerSplits, SampleViews},
    request::Rows,
    steps::{Place, Steps},
};
use crate::{
    data::Split,
    gpu::ShaderError,
    kernels::{Sizes, gather_kernel},
};

/// The iterations over mini-batches. Each adds its metrics to those of the steps before.
pub(super) fn train_batches(
    steps: &mut Steps,
    batch: &SampleViews,
    splits: &LayerSplits,
) -> Result<Vec<(PassId, Vec<Op>)>, ShaderError> {
    let full = batch_iteration(steps, batch, splits)?;
    let mut passes = vec![(PassId::Iterate, full.clone()), (PassId::IterateWithMetrics, full)];
    match steps.request.lengths.train % batch.len {
        0 => {}
        rest => {
            let short = batch_iteration(steps, &SampleViews { len: rest, ..*batch }, splits)?;
            passes.push((PassId::IterateShort, short));
        }
    }
    Ok(passes)
}

/// One step: the batch is gathered, trains, and is counted.
fn batch_iteration(
    steps: &mut Steps,
    batch: &SampleViews,
    splits: &LayerSplits,
) -> Result<Vec<Op>, ShaderError> {
    let train = steps.memory.sets[&Split::Train];
    let mut names = steps.names(batch, Rows { start: 0, len: batch.len }, 0);
    names.extend([("train_pixels", train.pixels), ("train_labels", train.labels)]);
    let sizes = Sizes { m: batch.len, k: steps.request.inputs(), ..Sizes::default() };
    let mut ops = vec![steps.run(gather_kernel(&steps.request.recipe), Place::of(&names), sizes)?];
    ops.extend(next_step(steps)?);
    ops.extend(iteration(steps, batch, splits)?);
    ops.extend(metrics_ops(steps, batch)?);
    Ok(ops)
}

/// Takes the rate of this step from those sent ahead, if there are any.
pub(super) fn next_step(steps: &Steps) -> Result<Vec<Op>, ShaderError> {
    let Some(inputs) = &steps.memory.step_inputs else { return Ok(Vec::new()) };
    let sizes = Sizes { n: inputs.steps, ..Sizes::default() };
    Ok(vec![steps.run("next_step", Place::of(&steps.memory.flat), sizes)?])
}
