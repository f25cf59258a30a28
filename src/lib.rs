//! shadegrad trains neural networks with WGSL compute shaders that you can read, edit and measure.
//!
//! One way through, each room knowing only those before it in this list:
//! [`data`] reads MNIST, [`recipe`] says how to train, [`reference`](mod@reference) is the CPU twin of every kernel and the engine without a GPU,
//! [`gpu`] is all that touches wgpu, [`kernels`] registers every `.wgsl` file, [`network`] turns a
//! shape into a plan of dispatches, [`train`] runs the loop, [`model`] keeps weights in files,
//! [`bench`](mod@bench) measures what [`train`] runs, [`report`] is the only room that prints, and [`cli`] joins them.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod bench;
pub mod cli;
pub mod compare;
pub mod data;
pub mod error;
pub mod gpu;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod network;
pub mod recipe;
pub mod reference;
pub mod report;
pub mod train;

pub use error::{Error, Result};
