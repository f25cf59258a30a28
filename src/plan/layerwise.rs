//! The layerwise plan: one kernel for each formula, any depth and width.
//!
//! The samples pass in chunks of rows, so that the memory for activations stays bounded however
//! many there are. If there are several, a chunk's forward and backward pass add to the partial sums of
//! the gradients; after the last chunk these are reduced and the parameters are moved.

use super::{
    PassId, Plan, PlanKind, PlanRequest,
    batches::{next_step, train_batches},
    iteration::{evaluations, iteration, logits, metrics_ops, weight_gradient},
    memory::{LayerSplits, Memory},
    report::finish,
    steps::{Steps, interface_of},
};
use crate::{
    data::Split,
    gpu::ShaderError,
    kernels::{Interfaces, Sizes},
};

/// The layerwise plan of a training, for files with these interfaces.
///
/// # Errors
/// [`ShaderError`] if a file is not valid, or binds or declares what the plan does not have.
pub fn layerwise(request: &PlanRequest, files: &dyn Interfaces) -> Result<Plan, ShaderError> {
    let splits = splits(request, files)?;
    let metrics = interface_of(request, files, "partial_metrics", &Sizes::default())?;
    let mut memory = Memory::new(request, &splits, &metrics)?;
    let batch = request.recipe.batch.map(|_| memory.add_batch(request));
    let logits = logits(&mut memory, request);
    let mut steps = Steps::new(request, files, &memory);
    let mut passes = evaluations(&mut steps, logits)?;
    let train = memory.sets[&Split::Train];
    match batch {
        Some(batch) => passes.extend(train_batches(&mut steps, &batch, &splits)?),
        None => {
            let mut iterate = next_step(&steps)?;
            iterate.extend(iteration(&mut steps, &train, &splits)?);
            let with_metrics = [iterate.clone(), metrics_ops(&mut steps, &train)?].concat();
            passes.extend([(PassId::Iterate, iterate), (PassId::IterateWithMetrics, with_metrics)]);
        }
    }
    let counters = steps.counters;
    Ok(finish(PlanKind::Layerwise, request, memory, passes, counters, logits))
}

/// Splits of the sums of each layer, for the files that compute them.
fn splits(request: &PlanRequest, files: &dyn Interfaces) -> Result<LayerSplits, ShaderError> {
    let of_layer = |layer| {
        let sizes = request.layer_sizes(layer, request.rows());
        let file = interface_of(request, files, weight_gradient(layer), &sizes)?;
        Ok((request.weight_splits(layer, &file)?, request.bias_splits(layer)))
    };
    (0..request.layout.layers.len()).map(of_layer).collect()
}
