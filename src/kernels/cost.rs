//! What each kernel has to do at the least: the roof that `bench` measures it against.
//!
//! A function has the name of its kernel. A multiply-add is 2 FLOP; a sum, a product, a quotient, a
//! comparison and an exponential are 1 each. Bytes are those that must be read once and written once,
//! with padding, however often a kernel loads them.

use super::Sizes;

/// Work of one dispatch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Floating-point operations.
    pub flops: u64,
    /// Bytes read and written.
    pub bytes: u64,
}

impl Cost {
    /// `flops` and `bytes`.
    pub fn new(flops: usize, bytes: usize) -> Self {
        Cost { flops: flops as u64, bytes: bytes as u64 }
    }
}

/// x is a byte a pixel. The bias and 1/255 are left out beside the k products of each sum.
pub(super) fn matmul_pixels(s: &Sizes) -> Cost {
    Cost::new(2 * s.m * s.k * s.n, s.m * s.k + 4 * (s.n * s.k + s.n + s.m * s.n))
}

/// Every sum starts at its bias, which costs nothing.
pub(super) fn matmul(s: &Sizes) -> Cost {
    Cost::new(2 * s.m * s.k * s.n, 4 * (s.m * s.k + s.n * s.k + s.n + s.m * s.n))
}

/// Pixels and labels of a batch in and out, and its order; integers are no FLOP.
pub(super) fn gather(s: &Sizes) -> Cost {
    Cost::new(0, 2 * s.m * s.k + 4 * (3 * s.m + 1))
}

/// The same, and a shift a sample.
pub(super) fn gather_shifted(s: &Sizes) -> Cost {
    Cost::new(0, 2 * s.m * s.k + 4 * (4 * s.m + 1))
}

/// A rate and a clock in and out.
pub(super) fn next_step(_: &Sizes) -> Cost {
    Cost::new(0, 2 * (16 + 4))
}

/// A comparison an element.
pub(super) fn relu(s: &Sizes) -> Cost {
    elementwise(s, 1, 2)
}

/// A comparison and a product an element.
pub(super) fn leaky_relu(s: &Sizes) -> Cost {
    elementwise(s, 2, 2)
}

/// Two products with -2 and with the sign, exponential, difference, sum, quotient.
pub(super) fn tanh(s: &Sizes) -> Cost {
    elementwise(s, 6, 2)
}

/// Exponential, sum, quotient.
pub(super) fn sigmoid(s: &Sizes) -> Cost {
    elementwise(s, 3, 2)
}

/// Five operations for the sigmoid's argument, the sigmoid, and the product with z.
pub(super) fn gelu(s: &Sizes) -> Cost {
    elementwise(s, 5 + 3 + 1, 2)
}

/// `flops` an element, which has so many numbers in and out.
fn elementwise(s: &Sizes, flops: usize, numbers: usize) -> Cost {
    Cost::new(flops * s.m * s.n, 4 * numbers * s.m * s.n)
}

/// For each class of a sample: comparison, difference, exponential, sum, quotient. A sample has a
/// label in, loss and hit out.
pub(super) fn softmax_cross_entropy(s: &Sizes) -> Cost {
    Cost::new(5 * s.m * s.classes, 4 * (2 * s.m * s.n + 3 * s.m))
}

/// A loss and a hit a sample, and a partial sum of both for `k` samples; integers are no FLOP.
pub(super) fn count_metrics(s: &Sizes) -> Cost {
    Cost::new(s.m, 4 * 2 * (s.m + s.m.div_ceil(s.k.max(1))))
}

/// `m` partial sums of both, added to the totals, and a count of these additions.
pub(super) fn reduce_metrics(s: &Sizes) -> Cost {
    Cost::new(s.m, 4 * (2 * s.m + 6))
}

pub(super) fn input_gradient(s: &Sizes) -> Cost {
    Cost::new(2 * s.m * s.k * s.n, 4 * (s.m * s.n + s.n * s.k + s.m * s.k))
}

/// A comparison an element; z and da in, dz out.
pub(super) fn relu_backward(s: &Sizes) -> Cost {
    elementwise(s, 1, 3)
}

/// A comparison and a product.
pub(super) fn leaky_relu_backward(s: &Sizes) -> Cost {
    elementwise(s, 2, 3)
}

/// Two products and a difference.
pub(super) fn tanh_backward(s: &Sizes) -> Cost {
    elementwise(s, 3, 3)
}

/// Two products and a difference.
pub(super) fn sigmoid_backward(s: &Sizes) -> Cost {
    elementwise(s, 3, 3)
}

/// Argument and sigmoid as in `gelu`; two operations for s (1 - s), three for v', and four to join them.
pub(super) fn gelu_backward(s: &Sizes) -> Cost {
    elementwise(s, 5 + 3 + 2 + 3 + 4, 3)
}

/// The partial sums are added to, so they are read and written.
pub(super) fn weight_gradient(s: &Sizes) -> Cost {
    Cost::new(2 * s.m * s.k * s.n, 4 * (s.m * s.n + s.m * s.k + 2 * s.splits * s.n * s.k))
}

/// As `weight_gradient`, with x a byte a pixel.
pub(super) fn weight_gradient_pixels(s: &Sizes) -> Cost {
    Cost::new(2 * s.m * s.k * s.n, s.m * s.k + 4 * (s.m * s.n + 2 * s.splits * s.n * s.k))
}

pub(super) fn bias_gradient(s: &Sizes) -> Cost {
    Cost::new(s.m * s.n, 4 * (s.m * s.n + 2 * s.splits * s.n))
}

/// The division by m is left out beside the `splits` sums of an element.
pub(super) fn reduce_gradient(s: &Sizes) -> Cost {
    Cost::new(s.splits * s.n, 4 * (s.splits * s.n + s.n))
}

/// Weight decay and the step, a multiply-add each.
pub(super) fn gradient_descent(s: &Sizes) -> Cost {
    optimizer(s, 4, 0)
}

/// One multiply-add more than `gradient_descent`, for the velocity.
pub(super) fn momentum(s: &Sizes) -> Cost {
    optimizer(s, 6, 1)
}

/// One more than `momentum`.
pub(super) fn nesterov(s: &Sizes) -> Cost {
    optimizer(s, 8, 1)
}

/// Weight decay 2, square and mean 4, root, sum and quotient 3, step 2.
pub(super) fn rmsprop(s: &Sizes) -> Cost {
    optimizer(s, 11, 1)
}

/// Weight decay 2, moments 3 and 4, their corrections 2, root, sum and quotient 3, step 2.
pub(super) fn adam(s: &Sizes) -> Cost {
    optimizer(s, 16, 2)
}

/// As `adam`.
pub(super) fn adamw(s: &Sizes) -> Cost {
    optimizer(s, 16, 2)
}

/// `flops` a parameter: it and its `states` go in and out, and a gradient in. The rate is left out.
fn optimizer(s: &Sizes, flops: usize, states: usize) -> Cost {
    Cost::new(flops * s.n, 4 * (3 + 2 * states) * s.n)
}

/// Two products and a sum over the samples for every weight, two more for w2 into the layer below, and
/// the classes as in `softmax_cross_entropy`. `n` hidden units; pixels, labels and parameters in,
/// partial sums out.
pub(super) fn fused_step(s: &Sizes) -> Cost {
    let parameters = s.n * (s.k + 1) + s.classes * (s.n + 1);
    let flops = s.m * (4 * s.n * s.k + 6 * s.n * s.classes + 5 * s.classes);
    Cost::new(flops, s.m * s.k + 4 * s.m + 4 * parameters * (1 + s.splits))
}

/// As `reduce_gradient` and `gradient_descent`, but the gradients stay in registers.
pub(super) fn reduce_update(s: &Sizes) -> Cost {
    Cost::new(s.splits * s.n + 4 * s.n, 4 * (s.splits * s.n + 2 * s.n))
}

pub(super) fn copy(s: &Sizes) -> Cost {
    Cost::new(0, 4 * 2 * s.n)
}

/// `k` steps an element.
pub(super) fn multiply_add(s: &Sizes) -> Cost {
    Cost::new(2 * s.n * s.k, 4 * 2 * s.n)
}

#[cfg(test)]
mod tests {
    use super::{Cost, Sizes};
    use crate::kernels::{REGISTRY, entry};

    const S: Sizes = Sizes { m: 1_000, k: 784, n: 12, splits: 5, classes: 10, lanes: 0, words: 0 };

    fn cost(name: &str) -> Cost {
        (entry(name).unwrap().cost)(&S)
    }

    /// Written out by hand, not by the formulas above.
    #[test]
    fn costs_are_those_counted_by_hand() {
        let expected = [
            ("matmul", 18_816_000, 3_136_000 + 37_632 + 48 + 48_000),
            ("matmul_pixels", 18_816_000, 784_000 + 37_632 + 48 + 48_000),
            ("input_gradient", 18_816_000, 48_000 + 37_632 + 3_136_000),
            ("weight_gradient", 18_816_000, 48_000 + 3_136_000 + 376_320),
            ("weight_gradient_pixels", 18_816_000, 48_000 + 784_000 + 376_320),
            ("gather", 0, 784_000 * 2 + 12_004),
            ("gather_shifted", 0, 784_000 * 2 + 16_004),
            ("next_step", 0, 40),
            ("relu", 12_000, 96_000),
            ("leaky_relu", 24_000, 96_000),
            ("tanh", 72_000, 96_000),
            ("sigmoid", 36_000, 96_000),
            ("gelu", 108_000, 96_000),
            ("relu_backward", 12_000, 144_000),
            ("leaky_relu_backward", 24_000, 144_000),
            ("tanh_backward", 36_000, 144_000),
            ("sigmoid_backward", 36_000, 144_000),
            ("gelu_backward", 204_000, 144_000),
            ("softmax_cross_entropy", 50_000, 96_000 + 12_000),
            ("bias_gradient", 12_000, 48_000 + 480),
            ("reduce_gradient", 60, 240 + 48),
            ("gradient_descent", 48, 144),
            ("momentum", 72, 240),
            ("nesterov", 96, 240),
            ("rmsprop", 132, 240),
            ("adam", 192, 336),
            ("adamw", 192, 336),
            ("count_metrics", 1_000, 8_000 + 16),
            ("reduce_metrics", 1_000, 8_024),
            ("fused_step", 38_402_000, 784_000 + 4_000 + 4 * 6 * 9_550),
            ("reduce_update", 108, 240 + 96),
            ("copy", 0, 96),
            ("multiply_add", 18_816, 96),
        ];
        assert_eq!(expected.len(), REGISTRY.len());
        for (name, flops, bytes) in expected {
            assert_eq!(cost(name), Cost { flops, bytes }, "{name}");
        }
    }

    #[test]
    fn every_kernel_moves_something_and_only_copies_compute_nothing() {
        let copies = ["copy", "gather", "gather_shifted", "next_step"];
        for entry in REGISTRY {
            let Cost { flops, bytes } = (entry.cost)(&S);
            assert!(bytes > 0, "{}", entry.name);
            assert_eq!(flops == 0, copies.contains(&entry.name), "{}", entry.name);
        }
    }
}
