//! The cases of the activations and their gradients.
//!
//! Errors are in units of 2^-23. WGSL allows exp(x) 3 + 2|x| of them times the result, a quotient 2.5, and
//! a sum, a product or a constant 0.5.

use ndarray::{Array2, ArrayView2, Axis, Zip};

use super::{
    Case, Random, Sizes,
    case::{ULP, eighths},
};
use crate::{compare::Expected, reference};

/// What a device may take for 0: 2^-126, with factors of up to some hundreds before it.
const TINY: f64 = 1e-35;
/// Zeros of both signs, what is nearly 0, and numbers for which an exponential or a power overflows.
const EDGES: [f32; 10] = [0.0, -0.0, 1e-30, -1e-30, 20.0, -20.0, 100.0, -100.0, 1e30, -1e30];
/// Most samples of a case with edges: beside 1e30 a mean square error says nothing of the rest.
const MAX_EDGED: usize = 100;

pub(in crate::kernels) fn relu(s: Sizes, random: &mut Random) -> Case {
    forward(s, &eighths(random, s), reference::relu, |_, _| 0.0)
}

pub(in crate::kernels) fn relu_backward(s: Sizes, random: &mut Random) -> Case {
    let z = eighths(random, s);
    backward(s, ("z", z), random, reference::relu_backward, |_, _, _| 0.0)
}

/// The slope and the product.
pub(in crate::kernels) fn leaky_relu(s: Sizes, random: &mut Random) -> Case {
    forward(s, &eighths(random, s), reference::leaky_relu, |_, a| a.abs())
}

/// The slope and the product.
pub(in crate::kernels) fn leaky_relu_backward(s: Sizes, random: &mut Random) -> Case {
    let z = eighths(random, s);
    backward(s, ("z", z), random, reference::leaky_relu_backward, |_, _, dz| dz.abs())
}

/// The error of e = exp(-2|z|) makes at most 2 in (1 - e) / (1 + e), and difference, sum and quotient
/// 3.5. Near 0 the kernel has z itself.
pub(in crate::kernels) fn tanh(s: Sizes, random: &mut Random) -> Case {
    forward(s, &inputs(random, s), reference::tanh, |_, a| if a.abs() < 1e-4 { a.abs() } else { 5.5 })
}

/// Two products and a difference.
pub(in crate::kernels) fn tanh_backward(s: Sizes, random: &mut Random) -> Case {
    let a = random.matrix(s.m, s.n);
    backward(s, ("a", a), random, reference::tanh_backward, |a, da, _| 1.5 * (1.0 + a * a) * da.abs())
}

/// 0 at units of padding.
pub(in crate::kernels) fn sigmoid(s: Sizes, random: &mut Random) -> Case {
    let units = s.n - s.m % 4;
    let twin = |z: ArrayView2<f64>| {
        let mut a = reference::sigmoid(z);
        a.slice_axis_mut(Axis(1), (units..).into()).fill(0.0);
        a
    };
    forward(s, &inputs(random, s), twin, |z, a| a * of_sigmoid(z, a, 0.0))
        .set(|overrides| overrides.units = units)
}

/// Two products and a difference.
pub(in crate::kernels) fn sigmoid_backward(s: Sizes, random: &mut Random) -> Case {
    let a = random.matrix(s.m, s.n);
    backward(s, ("a", a), random, reference::sigmoid_backward, |_, _, dz| 1.5 * dz.abs())
}

/// The sigmoid, and the product with z.
pub(in crate::kernels) fn gelu(s: Sizes, random: &mut Random) -> Case {
    forward(s, &inputs(random, s), reference::gelu, |z, a| {
        let (v, share) = gate(z);
        a.abs() * (0.5 + of_sigmoid(v, share, OF_GATE))
    })
}

/// Of s + z s (1 - s) v', times da: the two terms each with a sum and a product. In the second, e has
/// its error, (1 + e)^2 1.5, the quotient 2.5, v' 3 and the products 1.
pub(in crate::kernels) fn gelu_backward(s: Sizes, random: &mut Random) -> Case {
    let z = inputs(random, s);
    backward(s, ("z", z), random, reference::gelu_backward, |z, da, dz| {
        let (v, share) = gate(z);
        let second = (dz - da * share).abs();
        (da * share).abs() * (1.0 + of_sigmoid(v, share, OF_GATE))
            + second * (1.0 + 3.0 + (2.0 + OF_GATE) * v.abs() + 8.0)
    })
}

/// The sigmoid, and the product with z.
pub(in crate::kernels) fn silu(s: Sizes, random: &mut Random) -> Case {
    forward(s, &inputs(random, s), reference::silu, |z, a| a.abs() * (0.5 + of_sigmoid(z, logistic(z), 0.0)))
}

/// Of s + z s (1 - s), times da: the two terms each with a sum and a product. In the second, e has its
/// error, (1 + e)^2 1.5, the quotient 2.5, and the product with z 0.5.
pub(in crate::kernels) fn silu_backward(s: Sizes, random: &mut Random) -> Case {
    let z = inputs(random, s);
    backward(s, ("z", z), random, reference::silu_backward, |z, da, dz| {
        let share = logistic(z);
        let second = (dz - da * share).abs();
        (da * share).abs() * (1.0 + of_sigmoid(z, share, 0.0)) + second * (1.0 + 3.0 + 2.0 * z.abs() + 4.5)
    })
}

fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// Of v in gelu, for each of its own: two constants, four products, a sum.
const OF_GATE: f64 = 3.5;

/// v of gelu, and its sigmoid.
fn gate(z: f64) -> (f64, f64) {
    let v = 1.595_769_121_605_730_8 * (z + 0.044_715 * z * z * z);
    (v, 1.0 / (1.0 + (-v).exp()))
}

/// The error of s = sigmoid(v) for each of its own, where v has the error `of_v` for each of its own:
/// that of the exponential counts 1 - s times, then come a sum and a quotient.
fn of_sigmoid(v: f64, s: f64, of_v: f64) -> f64 {
    (1.0 - s) * (3.0 + (2.0 + of_v) * v.abs()) + 3.0
}

/// Numbers from -8 to 8; in small cases the edges first.
fn inputs(random: &mut Random, s: Sizes) -> Array2<f32> {
    let mut z = random.matrix(s.m, s.n) * 8.0;
    if s.m <= MAX_EDGED {
        z.iter_mut().zip(EDGES).for_each(|(z, edge)| *z = edge);
    }
    z
}

/// The case of a = twin(z), with the error of each element from z and a.
fn forward(
    s: Sizes,
    z: &Array2<f32>,
    twin: impl Fn(ArrayView2<f64>) -> Array2<f64>,
    error: impl Fn(f64, f64) -> f64,
) -> Case {
    let a = twin(z.mapv(f64::from).view());
    let errors = Zip::from(z).and(&a).map_collect(|&z, &a| error(z.into(), a));
    Case::new(s).f32("z", z).expect("a", within(&a, &errors))
}

/// The case of dz = twin(z or a, da), with the error of each element from z or a, da and dz.
fn backward(
    s: Sizes,
    (name, values): (&'static str, Array2<f32>),
    random: &mut Random,
    twin: fn(ArrayView2<f64>, ArrayView2<f64>) -> Array2<f64>,
    error: impl Fn(f64, f64, f64) -> f64,
) -> Case {
    let da = random.matrix(s.m, s.n);
    let dz = twin(values.mapv(f64::from).view(), da.mapv(f64::from).view());
    let of = |&value: &f32, &da: &f32, &dz: &f64| error(value.into(), da.into(), dz);
    let errors = Zip::from(&values).and(&da).and(&dz).map_collect(of);
    Case::new(s).f32(name, &values).f32("da", &da).expect("dz", within(&dz, &errors))
}

/// Exact where the error is 0.
fn within(values: &Array2<f64>, errors: &Array2<f64>) -> Expected {
    let bound = |&error: &f64| if error == 0.0 { 0.0 } else { error * ULP + TINY };
    Expected { values: values.iter().copied().collect(), bounds: errors.iter().map(bound).collect() }
}
