//! What each kernel must compute: seeded inputs, and what its CPU twin makes of them in f64.

mod activation;
mod batch;
mod case;
mod fused;
mod loss;
mod product;
mod shapes;
mod update;

pub(super) use activation::*;
pub(super) use batch::*;
pub use case::{Case, Random, Tensor};
pub(super) use case::{copy, multiply_add};
pub(super) use fused::fused_step;
pub(super) use loss::*;
pub(super) use product::*;
pub(super) use shapes::{
    BATCHES, CHAINS_OF_STEPS, CLASSES, COUNTS, ELEMENTS, FLAT, INPUT_PRODUCTS, PARTIALS, PIXEL_PRODUCTS,
    PRODUCTS, REDUCED, STEPS, SUMMED_PIXEL_PRODUCTS, SUMMED_PRODUCTS, SUMS,
};
pub use shapes::{Depth, Shapes};
pub(super) use update::*;

use super::{Overrides, Sizes};
