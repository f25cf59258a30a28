//! The gradients of the CPU twins against central differences of their loss, in f64.

use ndarray::{Array2, Axis};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use shadegrad::{
    net::{Init, Parameters, Shape},
    recipe::Activation,
    reference::{
        Activations, backward, bias_gradient, forward, matmul_pixels, mean_gradient, scale_pixels,
        softmax_cross_entropy, weight_gradient_pixels,
    },
};

const EPS: f64 = 1e-6;
const ATOL: f64 = 1e-5;
const RTOL: f64 = 1e-3;

/// Whether a gradient agrees with the difference quotient; NaN and infinity agree with nothing.
fn close(gradient: f64, quotient: f64) -> bool {
    (gradient - quotient).abs() <= ATOL + RTOL * quotient.abs() && quotient.is_finite()
}

/// A network and a random batch for it.
struct Problem {
    parameters: Parameters<f64>,
    pixels: Array2<u8>,
    labels: Vec<u16>,
    activation: Activation,
    smoothing: f64,
}

impl Problem {
    fn new(samples: usize, inputs: usize, hidden: &[usize], classes: usize, seed: u64) -> Self {
        let shape = Shape::new(inputs, hidden, classes).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: usize| (random.next_u32() as usize % limit) as u16;
        Problem {
            parameters: Init::Uniform.parameters(&shape, seed).map(f64::from),
            pixels: Array2::from_shape_simple_fn((samples, inputs), || below(256) as u8),
            labels: (0..samples).map(|_| below(classes)).collect(),
            activation: Activation::Relu,
            smoothing: 0.0,
        }
    }

    fn forward(&self) -> Activations<f64> {
        forward(&self.parameters, scale_pixels(self.pixels.view()), self.activation)
    }

    /// Mean cross-entropy, with nothing of the backward pass in it.
    fn loss(&self) -> f64 {
        let activations = self.forward();
        softmax_cross_entropy(activations.logits().view(), &self.labels, self.smoothing).loss.mean().unwrap()
    }

    /// The mean gradient of every parameter, in the order of `Parameters::values`.
    fn gradient(&self) -> Vec<f64> {
        let activations = self.forward();
        let output = softmax_cross_entropy(activations.logits().view(), &self.labels, self.smoothing);
        let sums = backward(&self.parameters, &activations, output.dz, self.activation);
        let samples = self.labels.len();
        let mut gradient = Vec::new();
        for layer in &sums.layers {
            gradient.extend(mean_gradient(layer.weight.view(), samples));
            gradient.extend(mean_gradient(layer.bias.view(), samples));
        }
        gradient
    }

    /// The mutable value at `index` of `Parameters::values`.
    fn value(&mut self, index: usize) -> &mut f64 {
        let layers = self.parameters.layers.iter_mut();
        layers.flat_map(|layer| layer.weight.iter_mut().chain(&mut layer.bias)).nth(index).unwrap()
    }

    /// (loss(p + eps) - loss(p - eps)) / 2 eps for the value at `index`.
    fn quotient(&mut self, index: usize) -> f64 {
        let value = *self.value(index);
        let mut loss_at = |p| {
            *self.value(index) = p;
            self.loss()
        };
        let quotient = (loss_at(value + EPS) - loss_at(value - EPS)) / (2.0 * EPS);
        *self.value(index) = value;
        quotient
    }
}

#[test]
fn every_gradient_is_the_slope_of_the_loss() {
    let shapes: [(usize, usize, &[usize], usize); 9] = [
        (1, 1, &[1], 2),
        (1, 5, &[3], 2),
        (7, 11, &[5], 10),
        (13, 4, &[10], 3),
        (5, 6, &[4, 3], 4),
        (11, 3, &[7, 7], 2),
        (2, 9, &[6, 5, 4], 3),
        (7, 5, &[3, 8, 5], 10),
        (16, 2, &[11, 2, 13], 5),
    ];
    for (seed, (samples, inputs, hidden, classes)) in shapes.into_iter().enumerate() {
        for activation in Activation::ALL {
            for smoothing in [0.0, 0.1] {
                let problem = Problem::new(samples, inputs, hidden, classes, seed as u64);
                check(Problem { activation, smoothing, ..problem });
            }
        }
    }
}

/// Compares every value of the gradient with its difference quotient.
fn check(mut problem: Problem) {
    let gradient = problem.gradient();
    assert_eq!(gradient.len(), problem.parameters.values().count());
    assert!(gradient.iter().any(|g| g.abs() > 1e-3), "a gradient of zeros proves nothing");
    for (index, gradient) in gradient.into_iter().enumerate() {
        let quotient = problem.quotient(index);
        assert!(
            close(gradient, quotient),
            "{:?}, {}, smoothing {}, value {index}: {gradient}, not {quotient}",
            problem.pixels.dim(),
            problem.activation.name(),
            problem.smoothing
        );
    }
}

#[test]
fn the_comparison_lets_no_nan_infinity_or_wrong_value_pass() {
    let (nan, infinity) = (f64::NAN, f64::INFINITY);
    for (gradient, quotient) in [(nan, 0.0), (0.0, nan), (nan, nan), (infinity, infinity), (1.0, infinity)] {
        assert!(!close(gradient, quotient), "{gradient} and {quotient}");
    }
    assert!(close(1.0, 1.0009) && !close(1.0, 1.0012) && close(0.0, 9e-6) && !close(0.0, 1.1e-5));
}

/// A notebook's `1/m * sum(dz)` is one number for all units: the rows of dz sum to 0, so it is 0.
#[test]
fn a_bias_gradient_is_per_unit_since_the_sum_over_units_is_zero() {
    let problem = Problem::new(50, 12, &[8], 10, 3);
    let activations = problem.forward();
    let dz = softmax_cross_entropy(activations.logits().view(), &problem.labels, 0.0).dz;
    let scalar = dz.sum() / 50.0;
    assert!(scalar.abs() <= 1e-15, "{scalar}");
    let per_unit = mean_gradient(bias_gradient(dz.view()).view(), 50);
    assert_eq!(per_unit.len(), 10);
    let largest = per_unit.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    assert!(largest > 0.01, "{per_unit}");
}

/// The kernels of the first layer read bytes; the pass above scales them first. Both are one thing.
#[test]
fn the_pixel_twins_are_what_the_pass_computes() {
    let problem = Problem::new(9, 13, &[6], 4, 5);
    let layer = &problem.parameters.layers[0];
    let activations = problem.forward();
    let z = matmul_pixels(problem.pixels.view(), layer.weight.view(), layer.bias.view());
    assert_eq!(z, activations.z[0]);

    // One row at a time, summed by hand: dw[k][n] = sum over rows of dz[row][k] * pixel[row][n] / 255.
    let dw = weight_gradient_pixels(z.view(), problem.pixels.view());
    for ((k, n), &value) in dw.indexed_iter() {
        let products = z.axis_iter(Axis(0)).zip(problem.pixels.rows());
        let expected: f64 = products.map(|(dz, pixels)| dz[k] * f64::from(pixels[n]) / 255.0).sum();
        assert!((value - expected).abs() <= 1e-13, "dw[{k}][{n}] = {value}, not {expected}");
    }
}
