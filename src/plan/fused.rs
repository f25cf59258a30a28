//! The fused plan: a network with one narrow hidden layer in two dispatches an iteration.
//!
//! `fused_step` takes every image from its pixels to the gradients of all parameters, and so reads
//! the pixels once; `reduce_update` adds up what its workgroups leave, and moves the parameters. Other
//! optimizers than plain gradient descent are a kernel of their own after `reduce_gradient`.

use super::{
    Op, PassId, Plan, PlanKind, PlanRequest, View,
    batches::next_step,
    iteration::{evaluations, logits, optimize},
    memory::{Memory, Names},
    report::finish,
    request::Rows,
    steps::{Place, Steps, interface_of},
};
use crate::{
    data::Split,
    gpu::{Element, Interface, ShaderError},
    kernels::{Interfaces, Sizes, fused::FusedStep},
    recipe::Optimizer,
};

/// The fused plan of a training with a variant of `fused_step` that serves its network.
///
/// # Errors
/// As [`super::layerwise()`].
pub fn fused(request: &PlanRequest, variant: FusedStep, files: &dyn Interfaces) -> Result<Plan, ShaderError> {
    let sizes = request.fused_sizes(variant);
    // Evaluations sum nothing over samples but the metrics.
    let splits = request.layout.layers.iter().map(|_| (0, 0)).collect();
    let metrics = interface_of(request, files, "partial_metrics", &Sizes::default())?;
    let mut memory = Memory::new(request, &splits, &metrics)?;
    let fused_step = interface_of(request, files, "fused_step", &sizes)?;
    let views = partial_sums(&mut memory, request, &sizes, &fused_step)?;
    let logits = logits(&mut memory, request);
    let mut steps = Steps::new(request, files, &memory);
    let mut passes = evaluations(&mut steps, logits)?;
    let train = memory.sets[&Split::Train];
    let mut names = steps.names(&train, Rows { start: 0, len: train.len }, 0);
    names.extend(views);

    let iterate = iteration(&mut steps, &names, sizes)?;
    let of_partials = Sizes { m: sizes.splits, ..Sizes::default() };
    let metrics = steps.run("reduce_metrics", Place::of(&names), of_partials)?;
    let with_metrics = iterate.iter().cloned().chain([metrics]).collect();
    passes.extend([(PassId::Iterate, iterate), (PassId::IterateWithMetrics, with_metrics)]);
    let counters = steps.counters;
    Ok(finish(PlanKind::Fused, request, memory, passes, counters, logits))
}

/// What the workgroups of `fused_step` leave, and the pixels as its file declares them.
fn partial_sums(
    memory: &mut Memory,
    request: &PlanRequest,
    sizes: &Sizes,
    fused_step: &Interface,
) -> Result<Vec<(&'static str, View)>, ShaderError> {
    let splits = sizes.splits;
    let mut views = vec![
        ("partials", memory.zeros("partials", Element::F32, splits * request.layout.len)),
        ("gradient", memory.flat["gradients"]),
        ("loss_partials", memory.zeros("loss_partials", Element::F32, splits)),
        ("correct_partials", memory.zeros("correct_partials", Element::U32, splits)),
    ];
    if let Some(row) = fused_step.texture_row("pixels")? {
        let pixels = memory.sets[&Split::Train].pixels;
        views.push(("pixels", memory.texture("pixels of the train samples as a texture", pixels, row)));
    }
    Ok(views)
}

fn iteration(steps: &mut Steps, names: &Names, sizes: Sizes) -> Result<Vec<Op>, ShaderError> {
    let mut ops = next_step(steps)?;
    ops.push(steps.run_counting("fused_step", Place::of(names), sizes)?);
    let (m, n) = (sizes.m, steps.request.layout.len);
    let update = Sizes { m, n, splits: sizes.splits, ..Sizes::default() };
    if steps.request.recipe.optimizer == Optimizer::Sgd {
        ops.push(steps.run("reduce_update", Place::of(names), update)?);
    } else {
        ops.push(steps.run("reduce_gradient", Place::of(names), update)?);
        ops.push(optimize(steps)?);
    }
    Ok(ops)
}
