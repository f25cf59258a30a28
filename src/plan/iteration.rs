//! Forward, backward and update, kernel by kernel, over chunks of rows.

use std::collections::BTreeMap;

use super::{
    Op, PassId, PlanRequest, View,
    memory::{LayerSplits, Memory, Names, SampleViews},
    request::Rows,
    steps::{Place, Steps},
};
use crate::{
    data::Split,
    gpu::{Element, ShaderError},
    kernels::{Sizes, activation_kernels, optimizer_kernel},
};

/// The kernel that sums the weights' gradients of a layer.
pub(super) fn weight_gradient(layer: usize) -> &'static str {
    if layer == 0 { "weight_gradient_pixels" } else { "weight_gradient" }
}

/// Room for z of the last layer of every test sample.
pub(super) fn logits(memory: &mut Memory, request: &PlanRequest) -> View {
    let classes = request.layout.layers.last().map_or(0, |layer| layer.n);
    memory.zeros("logits", Element::F32, request.lengths.test * classes)
}

/// The passes that train nothing.
pub(super) fn evaluations(steps: &mut Steps, logits: View) -> Result<BTreeMap<PassId, Vec<Op>>, ShaderError> {
    let mut passes = BTreeMap::new();
    for (split, samples) in steps.memory.sets.clone() {
        passes.insert(PassId::Evaluate(split), evaluation(steps, &samples)?);
    }
    if let Some(test) = steps.memory.sets.get(&Split::Test).copied() {
        passes.insert(PassId::Predict, prediction(steps, &test, logits)?);
    }
    Ok(passes)
}

/// A forward pass over a whole set, and its metrics.
fn evaluation(steps: &mut Steps, samples: &SampleViews) -> Result<Vec<Op>, ShaderError> {
    let mut ops = vec![Op::Clear(samples.loss_sum), Op::Clear(samples.correct_sum)];
    for rows in steps.request.chunks(samples.len) {
        ops.extend(forward(steps, samples, rows)?);
    }
    ops.extend(metrics_ops(steps, samples)?);
    Ok(ops)
}

/// A forward pass over a whole set that leaves its logits: no loss, no labels.
fn prediction(steps: &Steps, samples: &SampleViews, logits: View) -> Result<Vec<Op>, ShaderError> {
    let classes = logits.len / samples.len;
    let mut ops = Vec::new();
    for rows in steps.request.chunks(samples.len) {
        let z = logits.part(rows.start * classes, rows.len * classes);
        ops.extend(through_layers(steps, samples, rows, Some(z))?);
    }
    Ok(ops)
}

/// Forward, backward and update over `samples`; their metrics are left to be added up.
pub(super) fn iteration(
    steps: &mut Steps,
    samples: &SampleViews,
    splits: &LayerSplits,
) -> Result<Vec<Op>, ShaderError> {
    let mut ops = Vec::new();
    if steps.request.has_several_chunks() {
        let partials = steps.memory.layers.iter().flat_map(|layer| [layer.dw_partials, layer.db_partials]);
        ops.extend(partials.map(Op::Clear));
    }
    for rows in steps.request.chunks(samples.len) {
        ops.extend(forward(steps, samples, rows)?);
        ops.extend(backward(steps, samples, rows, splits)?);
    }
    ops.extend(update(steps, samples, splits)?);
    Ok(ops)
}

/// z1 = x w1ᵀ + b1, a1 = f(z1), ..., and of the last layer loss, correct predictions and dz.
fn forward(steps: &Steps, samples: &SampleViews, rows: Rows) -> Result<Vec<Op>, ShaderError> {
    let mut ops = through_layers(steps, samples, rows, None)?;
    let last = steps.memory.layers.len() - 1;
    let (names, sizes) = (steps.names(samples, rows, last), steps.request.layer_sizes(last, rows.len));
    ops.push(steps.run("softmax_cross_entropy", Place::layer(&names, last), sizes)?);
    Ok(ops)
}

/// z of every layer, and a of all but the last one, whose z may go to `logits`.
fn through_layers(
    steps: &Steps,
    samples: &SampleViews,
    rows: Rows,
    logits: Option<View>,
) -> Result<Vec<Op>, ShaderError> {
    let last = steps.memory.layers.len() - 1;
    let [activation, _] = activation_kernels(steps.request.recipe.activation);
    let mut ops = Vec::new();
    for layer in 0..=last {
        let mut names = steps.names(samples, rows, layer);
        let sizes = steps.request.layer_sizes(layer, rows.len);
        if let Some(logits) = logits.filter(|_| layer == last) {
            names.insert("z", logits);
        }
        let matmul = if layer == 0 { "matmul_pixels" } else { "matmul" };
        ops.push(steps.run(matmul, Place::layer(&names, layer), sizes)?);
        if layer < last {
            ops.push(steps.run(activation, Place::layer(&names, layer), sizes)?);
        }
    }
    Ok(ops)
}

/// From dz of the last layer down: dw, db, da and dz of the layer below.
fn backward(
    steps: &mut Steps,
    samples: &SampleViews,
    rows: Rows,
    splits: &LayerSplits,
) -> Result<Vec<Op>, ShaderError> {
    let [_, activation_backward] = activation_kernels(steps.request.recipe.activation);
    let mut ops = Vec::new();
    for layer in (0..splits.len()).rev() {
        let mut names = steps.names(samples, rows, layer);
        let sizes = steps.request.layer_sizes(layer, rows.len);
        let (weight_splits, bias_splits) = splits[layer];
        let of_weights = Sizes { splits: weight_splits, ..sizes };
        let of_biases = Sizes { splits: bias_splits, ..sizes };
        ops.push(steps.run_counting(weight_gradient(layer), Place::layer(&names, layer), of_weights)?);
        ops.push(steps.run_counting("bias_gradient", Place::layer(&names, layer), of_biases)?);
        if let Some(below) = layer.checked_sub(1) {
            let names_below = steps.names(samples, rows, below);
            names.insert("da", names_below["da"]);
            ops.push(steps.run("input_gradient", Place::layer(&names, layer), sizes)?);
            let sizes = steps.request.layer_sizes(below, rows.len);
            ops.push(steps.run(activation_backward, Place::layer(&names_below, below), sizes)?);
        }
    }
    Ok(ops)
}

/// Adds loss and correct predictions of all samples, from what a forward pass left, to the totals.
pub(super) fn metrics_ops(steps: &mut Steps, samples: &SampleViews) -> Result<Vec<Op>, ShaderError> {
    let names = steps.names(samples, Rows { start: 0, len: samples.len }, 0);
    let of_samples = Sizes { m: samples.len, k: steps.memory.metric_rows, ..Sizes::default() };
    let of_partials = Sizes { m: names["loss_partials"].len, ..Sizes::default() };
    let of_set = Place { split: Some(samples.split), ..Place::of(&names) };
    Ok(vec![
        steps.run_counting("partial_metrics", of_set, of_samples)?,
        steps.run("reduce_metrics", Place::of(&names), of_partials)?,
    ])
}

/// The mean gradient of every parameter, and the step.
fn update(steps: &Steps, samples: &SampleViews, splits: &LayerSplits) -> Result<Vec<Op>, ShaderError> {
    let mut ops = Vec::new();
    let m = samples.len;
    if let Some(&partials) = steps.memory.flat.get("partials") {
        let names = Names::from([("partials", partials), ("gradient", steps.memory.flat["gradients"])]);
        let sizes = Sizes { m, n: steps.request.layout.len, splits: 1, ..Sizes::default() };
        ops.push(steps.run("reduce_gradient", Place::of(&names), sizes)?);
    } else {
        for (layer, &(weight_splits, bias_splits)) in splits.iter().enumerate() {
            let mut names = steps.names(samples, Rows { start: 0, len: m }, layer);
            for (partials, gradient, splits) in
                [("dw_partials", "dw", weight_splits), ("db_partials", "db", bias_splits)]
            {
                let (partials, gradient) = (names[partials], names[gradient]);
                names.extend([("partials", partials), ("gradient", gradient)]);
                let sizes = Sizes { m, n: gradient.len, splits, ..Sizes::default() };
                ops.push(steps.run("reduce_gradient", Place::layer(&names, layer), sizes)?);
            }
        }
    }
    ops.push(optimize(steps)?);
    Ok(ops)
}

/// The step from the mean gradients.
pub(super) fn optimize(steps: &Steps) -> Result<Op, ShaderError> {
    let sizes = Sizes { n: steps.request.layout.len, ..Sizes::default() };
    let kernel = optimizer_kernel(steps.request.recipe.optimizer);
    steps.run(kernel, Place::of(&steps.memory.flat), sizes)
}
