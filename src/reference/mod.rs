//! The CPU twin of every kernel, and the engine without a GPU that is made of them.
//!
//! A twin has the name of its WGSL kernel and is its specification: the formula in the words of
//! `ndarray`, for f32 and f64 alike, with each numeric choice written in its documentation.
//! Samples are rows. A gradient is a **sum over the rows given**, so that the sums of parts of the
//! data add up; 1/m is applied once, by [`mean_gradient`], just before the update.
//!
//! With m rows, k inputs and n units of a layer, and column vectors as in the textbooks turned
//! into rows:
//!
//! ```text
//! z = x W^T + b      a = f(z)         a = softmax(z) in the last layer
//! dz = a - Y in the last layer        dz = da * f'(z) below it
//! dW = dz^T x        db = sum of dz's rows        da below = dz W
//! W -= alpha dW / m  b -= alpha db / m            or another optimizer's step
//! ```

use ndarray::NdFloat;

mod activation;
mod backward;
mod batch;
mod engine;
mod forward;
mod limits;
mod loss;
mod pass;
mod threads;
mod update;

pub use activation::*;
pub use backward::{bias_gradient, input_gradient, weight_gradient, weight_gradient_pixels};
pub use batch::{gather, gather_shifted, next_step};
pub use engine::CpuEngine;
pub use forward::{matmul, matmul_pixels, scale_pixels};
pub use limits::{copy, multiply_add};
pub use loss::{SoftmaxCrossEntropy, softmax_cross_entropy};
pub use pass::{Activations, backward, forward};
pub use update::{DECAY, EPS, MU, adam, adamw, mean_gradient, momentum, nesterov, rmsprop, sgd, step};

/// A constant as the number that is computed with.
fn number<T: NdFloat>(value: f64) -> T {
    T::from(value).expect("f64 becomes any float, rounded")
}
