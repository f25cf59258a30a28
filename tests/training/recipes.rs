//! Activations and optimizers, against the f64 twins.

use super::*;
use shadegrad::{
    data::Samples,
    net::Layout,
    recipe::{Activation, Decay, LearningRate, Optimizer},
    reference::{backward, forward, mean_gradient, scale_pixels, softmax_cross_entropy},
};

/// Most that the gradients of a network may differ from the twin's, as a part of their length.
const GRADIENT_BOUND: f64 = 1e-5;

/// The mean gradient of all samples by the twins.
fn twin_gradient(samples: &Samples, parameters: &Parameters, recipe: &Recipe) -> Parameters<f64> {
    let parameters = parameters.map(f64::from);
    let activations = forward(&parameters, scale_pixels(samples.matrix()), recipe.activation);
    let output = softmax_cross_entropy(activations.logits().view(), &samples.labels, recipe.smoothing);
    let sums = backward(&parameters, &activations, output.dz, recipe.activation);
    let mean = |layer: &Layer<f64>| Layer {
        weight: mean_gradient(layer.weight.view(), samples.len()),
        bias: mean_gradient(layer.bias.view(), samples.len()),
    };
    Parameters { layers: sums.layers.iter().map(mean).collect() }
}

/// What the first iteration on the GPU leaves in the buffer of the gradients.
fn gpu_gradient(data: &Dataset, start: &(Shape, Parameters), recipe: &Recipe) -> Parameters {
    let run = || {
        let mut engine = gpu_engine(data, start, recipe, layerwise())?;
        engine.iterate(1)?;
        engine.drain(0)?;
        let gradients = engine.buffers().slice(engine.plan().gradients);
        let bytes = engine.device().read(&[gradients])?;
        let flat: Vec<f32> =
            bytes[0].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let layout = Layout::new(&start.0);
        let padding = layout.pack(&layout.unpack(&flat, &start.0));
        assert_eq!(flat, padding, "{}: the gradients of padding are zero", recipe.activation.name());
        Ok::<_, TrainError>(layout.unpack(&flat, &start.0))
    };
    run().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_gradients_of_every_activation_at_every_depth_are_the_twins() {
    let data = common::dataset(7, 5, 601, 1);
    for activation in Activation::ALL {
        for (hidden, smoothing) in [(&[11][..], 0.0), (&[13, 6], 0.1), (&[9, 14, 5], 0.0)] {
            let recipe = Recipe { activation, smoothing, ..plain() };
            let shape = Shape::new(35, hidden, data.classes).expect("a shape that is supported");
            let parameters = Init::Xavier.parameters(&shape, 3);
            let expected = twin_gradient(&data.train, &parameters, &recipe);
            let found = gpu_gradient(&data, &(shape.clone(), parameters), &recipe);
            let square = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
            let length = square(&mut expected.values());
            let off = square(&mut found.values().zip(expected.values()).map(|(f, e)| f64::from(f) - e));
            println!("{}, {shape}: gradients off by {:e} of their length", activation.name(), off / length);
            assert!(
                length > 0.01 && off / length <= GRADIENT_BOUND,
                "{}, {shape}: {off:e} of {length:e}",
                activation.name()
            );
        }
    }
}

#[test]
fn every_optimizer_follows_the_f64_twin_in_own_plans() {
    let data = common::dataset(5, 7, 307, 31);
    let (shape, _) = start(&data, &[5]);
    for optimizer in Optimizer::ALL {
        let rate = LearningRate::constant(optimizer.default_alpha());
        let recipe = Recipe { optimizer, weight_decay: 0.01, rate, ..plain() };
        assert_plans(&data, &[5], 6, &recipe, &own_plans(&shape, &data, &recipe));
    }
}

#[test]
fn learning_rates_fall_and_rise_on_the_gpu_as_on_the_cpu() {
    let data = common::dataset(5, 7, 307, 31);
    let (shape, _) = start(&data, &[5]);
    for (decay, warmup) in
        [(Decay::Cosine, 3), (Decay::Step { every: 2, factor: 0.5 }, 0), (Decay::Constant, 8)]
    {
        let rate = LearningRate { alpha: 0.3, decay, warmup, iters: 9 };
        let recipe = Recipe { rate, ..plain() };
        assert_plans(&data, &[5], 9, &recipe, &own_plans(&shape, &data, &recipe));
    }
}

#[test]
fn rates_are_sent_ahead_again_after_4096_iterations() {
    let data = common::dataset(2, 2, 5, 1);
    let recipe = Recipe {
        optimizer: Optimizer::Adam,
        rate: LearningRate { alpha: 1e-3, decay: Decay::Cosine, warmup: 0, iters: 4_100 },
        ..plain()
    };
    let start = start(&data, &[2]);
    let mut twin = CpuEngine::new(Arc::new(data.clone()), start.1.map(f64::from), &recipe);
    for _ in 0..4_100 {
        twin.iterate();
    }
    let mut engine =
        gpu_engine(&data, &start, &recipe, layerwise()).unwrap_or_else(|error| panic!("{error}"));
    let end = follow(&mut engine, &reporting(4_100, 5_000)).1;
    let off = largest_difference(&end.parameters, twin.parameters());
    assert!(off <= 1e-4, "a weight is off by {off:e}");
}
