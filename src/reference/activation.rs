//! Functions behind the hidden layers, and their gradients: any shape, element by element.
//!
//! NaN stays NaN, so that a network gone wrong shows it in its loss; nothing overflows to it.

use ndarray::{Array2, ArrayView2, NdFloat, Zip};

use super::number;
use crate::recipe::Activation;

/// What [`leaky_relu`] keeps of a negative number; PyTorch's.
pub const SLOPE: f64 = 0.01;
/// What [`gelu`] has of z^3.
const CUBIC: f64 = 0.044715;
/// 2 sqrt(2 / pi), where [`gelu`]'s formula with tanh has sqrt(2 / pi).
const SCALE: f64 = 1.595_769_121_605_730_8;

/// a of a hidden layer.
pub fn activate<T: NdFloat>(activation: Activation, z: ArrayView2<T>) -> Array2<T> {
    match activation {
        Activation::Relu => relu(z),
        Activation::LeakyRelu => leaky_relu(z),
        Activation::Tanh => tanh(z),
        Activation::Sigmoid => sigmoid(z),
        Activation::Gelu => gelu(z),
        Activation::Silu => silu(z),
    }
}

/// dz of a hidden layer, from its `z`, its `a` and the gradient `da` from above.
pub fn activate_backward<T: NdFloat>(
    activation: Activation,
    z: ArrayView2<T>,
    a: ArrayView2<T>,
    da: ArrayView2<T>,
) -> Array2<T> {
    match activation {
        Activation::Relu => relu_backward(z, da),
        Activation::LeakyRelu => leaky_relu_backward(z, da),
        Activation::Tanh => tanh_backward(a, da),
        Activation::Sigmoid => sigmoid_backward(a, da),
        Activation::Gelu => gelu_backward(z, da),
        Activation::Silu => silu_backward(z, da),
    }
}

/// a = z where z is not negative, else 0.
pub fn relu<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(|z| if z < T::zero() { T::zero() } else { z })
}

/// dz = da where z > 0, else 0. The derivative at 0 is 0.
pub fn relu_backward<T: NdFloat>(z: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(z).and(da).map_collect(|&z, &da| if z > T::zero() { da } else { T::zero() })
}

/// a = z where z > 0, else [`SLOPE`] z.
pub fn leaky_relu<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(|z| if z > T::zero() { z } else { number::<T>(SLOPE) * z })
}

/// dz = da where z > 0, else [`SLOPE`] da. The derivative at 0 is the slope.
pub fn leaky_relu_backward<T: NdFloat>(z: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(z).and(da).map_collect(|&z, &da| if z > T::zero() { da } else { number::<T>(SLOPE) * da })
}

/// a = (e^z - e^-z) / (e^z + e^-z).
pub fn tanh<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(T::tanh)
}

/// dz = da (1 - a^2), from `a` = [`tanh`] of z.
pub fn tanh_backward<T: NdFloat>(a: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(a).and(da).map_collect(|&a, &da| da * (T::one() - a * a))
}

/// a = 1 / (1 + e^-z). A kernel gives 0 for units of padding.
pub fn sigmoid<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(logistic)
}

/// dz = da a (1 - a), from `a` = [`sigmoid`] of z.
pub fn sigmoid_backward<T: NdFloat>(a: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(a).and(da).map_collect(|&a, &da| da * a * (T::one() - a))
}

/// a = z / 2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))): nearly z times the probability that a normal
/// number is below z; PyTorch's `approximate="tanh"`.
///
/// Written as z times the sigmoid of twice that argument, which is the same and cancels nothing.
pub fn gelu<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(|z| z * logistic(gate(z)))
}

/// dz = da (s + z s (1 - s) v'), where [`gelu`] is z s, s = sigmoid(v) and v' = dv/dz.
pub fn gelu_backward<T: NdFloat>(z: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(z).and(da).map_collect(|&z, &da| {
        let v = gate(z);
        let e = (-v.abs()).exp();
        let bend = e / ((T::one() + e) * (T::one() + e));
        // Far out bend is 0, and what it would be multiplied by may be infinite.
        let turn = if bend == T::zero() { bend } else { z * bend * gate_slope(z) };
        da * (logistic(v) + turn)
    })
}

/// a = z / (1 + e^-z): z times its sigmoid; PyTorch's SiLU.
pub fn silu<T: NdFloat>(z: ArrayView2<T>) -> Array2<T> {
    z.mapv(|z| z * logistic(z))
}

/// dz = da (s + z s (1 - s)), where s is the sigmoid of z.
pub fn silu_backward<T: NdFloat>(z: ArrayView2<T>, da: ArrayView2<T>) -> Array2<T> {
    Zip::from(z).and(da).map_collect(|&z, &da| {
        let e = (-z.abs()).exp();
        da * (logistic(z) + z * (e / ((T::one() + e) * (T::one() + e))))
    })
}

/// 1 / (1 + e^-z), without a positive exponent.
fn logistic<T: NdFloat>(z: T) -> T {
    let e = (-z.abs()).exp();
    (if z > T::zero() { T::one() } else { e }) / (T::one() + e)
}

/// Whose sigmoid is the factor of [`gelu`].
fn gate<T: NdFloat>(z: T) -> T {
    number::<T>(SCALE) * (z + number::<T>(CUBIC) * z * z * z)
}

/// The derivative of [`gate`].
fn gate_slope<T: NdFloat>(z: T) -> T {
    number::<T>(SCALE) * (T::one() + number::<T>(3.0 * CUBIC) * z * z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn relu_keeps_what_is_positive() {
        let a = relu(array![[-1.0, 0.0, 2.5, f64::NEG_INFINITY]].view());
        assert_eq!(a, array![[0.0, 0.0, 2.5, 0.0]]);
        let dz = relu_backward(array![[-1.0, 0.0, -0.0, 1e-30]].view(), array![[5.0, 6.0, 7.0, 8.0]].view());
        assert_eq!(dz, array![[0.0, 0.0, 0.0, 8.0]]);
    }

    /// Of PyTorch 2.15 in float64: values of `torch.nn.functional`, and what autograd makes of them.
    #[test]
    fn values_and_slopes_are_those_of_pytorch() {
        let z = array![[-5.0, -1.0, -0.0, 0.5, 3.0]];
        #[rustfmt::skip]
        let expected = [
            (Activation::Relu, [0.0, 0.0, 0.0, 0.5, 3.0], [0.0, 0.0, 0.0, 1.0, 1.0]),
            (Activation::LeakyRelu, [-0.05, -0.01, 0.0, 0.5, 3.0], [0.01, 0.01, 0.01, 1.0, 1.0]),
            (
                Activation::Tanh,
                [-0.9999092042625951, -0.7615941559557649, 0.0, 0.46211715726000974, 0.9950547536867305],
                [0.00018158323094385266, 0.41997434161402614, 1.0, 0.7864477329659274, 0.009866037165440166],
            ),
            (
                Activation::Sigmoid,
                [0.0066928509242848554, 0.2689414213699951, 0.5, 0.6224593312018546, 0.9525741268224334],
                [0.006648056670790155, 0.19661193324148185, 0.25, 0.2350037122015945, 0.045176659730912],
            ),
            (
                Activation::Gelu,
                [-2.2917961972623857e-07, -0.15880800939172324, 0.0, 0.34571400982514394, 2.996362607918227],
                [-1.5463619879596227e-06, -0.08296408384578252, 0.5, 0.8673699035346424, 1.0115841666309695],
            ),
            (
                Activation::Silu,
                [-0.03346425462142428, -0.2689414213699951, 0.0, 0.3112296656009273, 2.8577223804673],
                [-0.02654743242966592, 0.07232948812851325, 0.5, 0.7399611873026519, 1.0881041060151693],
            ),
        ];
        let near = |found: &Array2<f64>, expected: [f64; 5]| {
            found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= 1e-14)
        };
        assert_eq!(expected.map(|(activation, ..)| activation), Activation::ALL);
        for (activation, values, slopes) in expected {
            let a = activate(activation, z.view());
            assert!(near(&a, values), "{}: {a}", activation.name());
            let dz = activate_backward(activation, z.view(), a.view(), Array2::ones((1, 5)).view());
            assert!(near(&dz, slopes), "{}: {dz}", activation.name());
        }
    }

    #[test]
    fn large_numbers_stay_finite_and_nan_stays_nan() {
        for activation in Activation::ALL {
            let z = array![[-1e30f32, -100.0, 100.0, 1e30, f32::NAN]];
            let a = activate(activation, z.view());
            let dz = activate_backward(activation, z.view(), a.view(), Array2::ones((1, 5)).view());
            for values in [&a, &dz] {
                assert!(values.iter().take(4).all(|value| value.is_finite()), "{}", activation.name());
            }
            assert!(a[(0, 4)].is_nan(), "{}", activation.name());
        }
    }
}
