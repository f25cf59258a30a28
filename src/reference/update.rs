//! From sums over samples to new parameters.
//!
//! Every optimizer moves `parameter` against `gradient`, the mean over the samples, and keeps what it
//! remembers in arrays of the same shape, zeros at the start. The formulas are PyTorch's, and the
//! learning rate and 1 / (1 - beta^t) come from [`Rate`].

use ndarray::{Array, ArrayView, ArrayViewMut, Dimension, NdFloat, Zip};

use super::number;
use crate::recipe::{BETAS, Optimizer, Rate};

/// What is left of the velocity after a step.
pub const MU: f64 = 0.9;
/// What is left of [`rmsprop`]'s mean of squares after a step: PyTorch's alpha.
pub const DECAY: f64 = 0.99;
/// Keeps the root of a mean of squares from 0.
pub const EPS: f64 = 1e-8;

/// g = sum / m: the only place where 1/m is applied. `sum` is a gradient summed over `samples` rows.
pub fn mean_gradient<T: NdFloat, D: Dimension>(sum: ArrayView<T, D>, samples: usize) -> Array<T, D> {
    let m = T::from(samples).expect("a float holds every count, rounded");
    sum.mapv(|sum| sum / m)
}

/// One step of an optimizer, with what it remembers in the order of [`Optimizer::state`].
///
/// # Panics
/// Where `state` has not as many arrays.
pub fn step<T: NdFloat, D: Dimension>(
    optimizer: Optimizer,
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    state: &mut [ArrayViewMut<T, D>],
    rate: &Rate,
    weight_decay: f64,
) {
    match (optimizer, state) {
        (Optimizer::Sgd, []) => sgd(parameter, gradient, rate, weight_decay),
        (Optimizer::Momentum, [v]) => momentum(parameter, gradient, v.view_mut(), rate, weight_decay),
        (Optimizer::Nesterov, [v]) => nesterov(parameter, gradient, v.view_mut(), rate, weight_decay),
        (Optimizer::Rmsprop, [s]) => rmsprop(parameter, gradient, s.view_mut(), rate, weight_decay),
        (Optimizer::Adam, [m, v]) => {
            adam(parameter, gradient, m.view_mut(), v.view_mut(), rate, weight_decay);
        }
        (Optimizer::Adamw, [m, v]) => {
            adamw(parameter, gradient, m.view_mut(), v.view_mut(), rate, weight_decay);
        }
        (_, state) => panic!("{} does not keep {} arrays", optimizer.name(), state.len()),
    }
}

/// p -= lr (g + weight_decay p).
pub fn sgd<T: NdFloat, D: Dimension>(
    mut parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay): (T, T) = (number(rate.alpha), number(weight_decay));
    parameter.zip_mut_with(&gradient, |p, &g| *p -= lr * (g + weight_decay * *p));
}

/// g' = g + weight_decay p, velocity = MU velocity + g', p -= lr velocity: PyTorch's SGD, dampening 0.
pub fn momentum<T: NdFloat, D: Dimension>(
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    velocity: ArrayViewMut<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay, mu): (T, T, T) = (number(rate.alpha), number(weight_decay), number(MU));
    Zip::from(parameter).and(gradient).and(velocity).for_each(|p, &g, velocity| {
        let g = g + weight_decay * *p;
        *velocity = mu * *velocity + g;
        *p -= lr * *velocity;
    });
}

/// g' = g + weight_decay p, velocity = MU velocity + g', p -= lr (g' + MU velocity).
pub fn nesterov<T: NdFloat, D: Dimension>(
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    velocity: ArrayViewMut<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay, mu): (T, T, T) = (number(rate.alpha), number(weight_decay), number(MU));
    Zip::from(parameter).and(gradient).and(velocity).for_each(|p, &g, velocity| {
        let g = g + weight_decay * *p;
        *velocity = mu * *velocity + g;
        *p -= lr * (g + mu * *velocity);
    });
}

/// g' = g + weight_decay p, mean_square = DECAY mean_square + (1 - DECAY) g'^2,
/// p -= lr g' / (sqrt(mean_square) + EPS).
pub fn rmsprop<T: NdFloat, D: Dimension>(
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    mean_square: ArrayViewMut<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay, eps): (T, T, T) = (number(rate.alpha), number(weight_decay), number(EPS));
    Zip::from(parameter).and(gradient).and(mean_square).for_each(|p, &g, square| {
        let g = g + weight_decay * *p;
        *square = decayed(*square, DECAY, g * g);
        *p -= lr * (g / (square.sqrt() + eps));
    });
}

/// g' = g + weight_decay p, moment1 = BETA1 moment1 + (1 - BETA1) g', moment2 = BETA2 moment2 +
/// (1 - BETA2) g'^2, p -= lr moment1 / (1 - BETA1^t) / (sqrt(moment2 / (1 - BETA2^t)) + EPS).
pub fn adam<T: NdFloat, D: Dimension>(
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    moment1: ArrayViewMut<T, D>,
    moment2: ArrayViewMut<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay): (T, T) = (number(rate.alpha), number(weight_decay));
    Zip::from(parameter).and(gradient).and(moment1).and(moment2).for_each(|p, &g, m, v| {
        *p -= lr * moments(g + weight_decay * *p, m, v, rate);
    });
}

/// p -= lr weight_decay p, then [`adam`] with the gradient as it is.
pub fn adamw<T: NdFloat, D: Dimension>(
    parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    moment1: ArrayViewMut<T, D>,
    moment2: ArrayViewMut<T, D>,
    rate: &Rate,
    weight_decay: f64,
) {
    let (lr, weight_decay): (T, T) = (number(rate.alpha), number(weight_decay));
    Zip::from(parameter).and(gradient).and(moment1).and(moment2).for_each(|p, &g, m, v| {
        *p -= lr * (moments(g, m, v, rate) + weight_decay * *p);
    });
}

/// Takes a gradient into both moments; what they say of the step.
fn moments<T: NdFloat>(g: T, m: &mut T, v: &mut T, rate: &Rate) -> T {
    *m = decayed(*m, BETAS[0], g);
    *v = decayed(*v, BETAS[1], g * g);
    let [first, second] = rate.corrections.map(number::<T>);
    *m * first / ((*v * second).sqrt() + number(EPS))
}

/// left mean + (1 - left) value, with 1 - left computed in f64.
fn decayed<T: NdFloat>(mean: T, left: f64, value: T) -> T {
    number::<T>(left) * mean + number::<T>(1.0 - left) * value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::LearningRate;
    use ndarray::{Array1, array};

    #[test]
    fn a_step_goes_against_the_mean_gradient() {
        let mut w = array![[1.0, 2.0], [3.0, 4.0]];
        let mean = mean_gradient(array![[4.0, 0.0], [-8.0, 2.0]].view(), 4);
        sgd(w.view_mut(), mean.view(), &LearningRate::constant(0.5).row(0, BETAS), 0.0);
        assert_eq!(w, array![[0.5, 2.0], [4.0, 3.75]]);
    }

    /// 20 steps of PyTorch 2.15's SGD, RMSprop, Adam and AdamW on the CPU in float64: lr 0.1, momentum
    /// 0.9, all else as it comes; from 0.5, -1, 0.25 with the gradients cos(1 + 0.7 t + 0.3 i), t from 0.
    #[test]
    fn twenty_steps_end_where_pytorch_ends() {
        use Optimizer::{Adam, Adamw, Momentum, Nesterov, Rmsprop, Sgd};
        #[rustfmt::skip]
        let ends = [
            (Sgd, 0.0, [0.461187916532786, -0.9816312934098482, 0.3239086747944424]),
            (Momentum, 0.0, [1.0768804159592515, -0.17534163777250367, 1.2487720330377259]),
            (Nesterov, 0.0, [0.9803802908961123, -0.2394387674051008, 1.2228035045283958]),
            (Rmsprop, 0.0, [0.6419671201934963, -0.4000073248720203, 2.7560507465392683]),
            (Adam, 0.0, [0.6066716335082304, -0.7481213997609247, 0.7790222347520301]),
            (Adamw, 0.0, [0.6066716335082304, -0.7481213997609247, 0.7790222347520301]),
            (Sgd, 0.1, [0.3561101146587547, -0.8187272102813198, 0.255752815686882]),
            (Momentum, 0.1, [0.2657492827364866, 0.16970862122216987, 0.37199467807447284]),
            (Nesterov, 0.1, [0.11073933944435455, 0.03663608428153905, 0.2659762630761283]),
            (Rmsprop, 0.1, [0.07855470109964299, -0.35589293934164795, 1.1321977798698242]),
            (Adam, 0.1, [0.4792065754430012, -0.5523775409268753, 0.6416814182147814]),
            (Adamw, 0.1, [0.5041504190378021, -0.5999670133155602, 0.6527427501462558]),
        ];
        for (optimizer, weight_decay, end) in ends {
            let found = twenty_steps(optimizer, weight_decay);
            let near = found.iter().zip(end).all(|(found, end)| (found - end).abs() <= 1e-12);
            assert!(near, "{} with weight decay {weight_decay}: {found}", optimizer.name());
        }
    }

    fn twenty_steps(optimizer: Optimizer, weight_decay: f64) -> Array1<f64> {
        let mut parameter = array![0.5, -1.0, 0.25];
        let mut state = vec![Array1::zeros(3); optimizer.state().len()];
        for t in 0..20 {
            let gradient = Array1::from_shape_fn(3, |i| (1.0 + 0.7 * t as f64 + 0.3 * i as f64).cos());
            let mut state: Vec<_> =
                state.iter_mut().map(|array: &mut Array1<f64>| array.view_mut()).collect();
            let rate = LearningRate::constant(0.1).row(t, BETAS);
            step(optimizer, parameter.view_mut(), gradient.view(), &mut state, &rate, weight_decay);
        }
        parameter
    }
}
