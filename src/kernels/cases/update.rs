//! The cases of the optimizers.

use ndarray::{Array1, Axis};

use super::{
    Case, Random, Sizes,
    case::{ALPHA, ULP, bounded},
};
use crate::{
    compare::Expected,
    recipe::{BETAS, LearningRate, Optimizer, Rate},
    reference,
};

/// Steps before that of a case.
const STEPS: usize = 2;
/// Roundings of a state's longest way, that of moment2, in units of 2^-23: the gradient with weight decay
/// 1.5, which its square doubles, the square 0.5, constant, product and sum 1.5.
const OF_STATE: f64 = 5.0;
/// The same of a step, for each of its own: a mean 3; the root 4.5 and half of moment2, its correction
/// and their product, 3; EPS and the sum 1, the quotient 2.5; two factors and their products 2.
const OF_STEP: f64 = 16.0;

pub(in crate::kernels) fn sgd(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Sgd, s, random)
}

pub(in crate::kernels) fn momentum(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Momentum, s, random)
}

pub(in crate::kernels) fn nesterov(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Nesterov, s, random)
}

pub(in crate::kernels) fn rmsprop(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Rmsprop, s, random)
}

pub(in crate::kernels) fn adam(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Adam, s, random)
}

pub(in crate::kernels) fn adamw(s: Sizes, random: &mut Random) -> Case {
    optimizer(Optimizer::Adamw, s, random)
}

/// One step from any state. Each gradient has its parameter's sign, so that weight decay cancels
/// nothing: all errors but those of a first moment are then relative, and the twin run on absolute values
/// gives the terms of that.
fn optimizer(optimizer: Optimizer, s: Sizes, random: &mut Random) -> Case {
    let weight_decay = weight_decay(s);
    let parameters = sparse(&random.vector(s.n));
    let gradients = gradients(&parameters, random);
    let states: Vec<_> = optimizer.state().iter().map(|name| (*name, state(name, s, random))).collect();
    let run = |f: fn(f32) -> f64| {
        let mut after = parameters.mapv(f);
        let mut states: Vec<_> = states.iter().map(|(_, state)| state.mapv(f)).collect();
        let mut views: Vec<_> = states.iter_mut().map(|state| state.view_mut()).collect();
        let gradients = gradients.mapv(f);
        reference::step(optimizer, after.view_mut(), gradients.view(), &mut views, &rate(), weight_decay);
        (after, states)
    };
    let (after, states_after) = run(f64::from);
    let (shrunk, magnitudes) = run(|value| f64::from(value.abs()));
    let steps = parameters.mapv(|p| f64::from(p.abs())) - shrunk;
    let bounds = parameters.iter().zip(&steps).map(|(p, step)| ULP * (f64::from(p.abs()) + OF_STEP * step));
    let mut case = Case::new(s)
        .set(|overrides| overrides.weight_decay = weight_decay)
        .f32("parameters", &parameters)
        .f32("gradients", &gradients)
        .f32("rate", &Array1::from(rate().packed().to_vec()))
        .expect("parameters", Expected { values: after.to_vec(), bounds: bounds.collect() });
    for (((name, before), after), magnitude) in states.iter().zip(states_after).zip(magnitudes) {
        let bounds = magnitude.iter().map(|magnitude| OF_STATE * ULP * magnitude).collect();
        case = case.f32(name, before).expect(name, Expected { values: after.to_vec(), bounds });
    }
    case
}

pub(in crate::kernels) fn reduce_update(s: Sizes, random: &mut Random) -> Case {
    let weight_decay = weight_decay(s);
    let (parameters, partials) = (random.vector(s.n), random.matrix(s.splits, s.n));
    let mean = |f: fn(f32) -> f64| reference::mean_gradient(partials.mapv(f).sum_axis(Axis(0)).view(), s.m);
    let mut after = parameters.mapv(f64::from);
    reference::sgd(after.view_mut(), mean(f64::from).view(), &rate(), weight_decay);
    let gradient = bounded(s.splits + 4, mean);
    // Beside the gradient's own error those of weight decay, of the rate, and of difference and product.
    let bounds = gradient.bounds.iter().map(|bound| ALPHA * bound + 4.0 * ULP * (1.0 + ALPHA)).collect();
    Case::new(s)
        .set(|overrides| overrides.weight_decay = weight_decay)
        .f32("parameters", &parameters)
        .f32("partials", &partials)
        .f32("rate", &Array1::from(rate().packed().to_vec()))
        .expect("parameters", Expected { values: after.to_vec(), bounds })
}

fn rate() -> Rate {
    LearningRate::constant(ALPHA).row(STEPS, BETAS)
}

fn weight_decay(s: Sizes) -> f64 {
    [0.0, 0.1][s.m % 2]
}

/// Padding among the rest: parameters of 0 that have no gradient and stay exactly 0.
fn sparse(values: &Array1<f32>) -> Array1<f32> {
    values.iter().enumerate().map(|(i, &value)| if i % 7 == 3 { 0.0 } else { value }).collect()
}

/// Of many sizes, down to those beside which EPS counts.
fn gradients(parameters: &Array1<f32>, random: &mut Random) -> Array1<f32> {
    let sizes = random.vector(parameters.len());
    let scale = |i: usize| [1.0, 1e-2, 1e-4, 1e-7][i % 4];
    let pairs = parameters.iter().zip(&sizes).enumerate();
    pairs.map(|(i, (p, size))| if *p == 0.0 { 0.0 } else { p.signum() * size.abs() * scale(i) }).collect()
}

/// What earlier steps left, a third of it 0 as at the start; means of squares are not negative, and
/// small.
fn state(name: &str, s: Sizes, random: &mut Random) -> Array1<f32> {
    let squares = ["mean_square", "moment2"].contains(&name);
    let number = |(i, value): (usize, f32)| match (i % 7 == 3 || i % 3 == 1, squares) {
        (true, _) => 0.0,
        (false, true) => 1e-3 * value.abs(),
        (false, false) => value,
    };
    random.vector(s.n).into_iter().enumerate().map(number).collect()
}
