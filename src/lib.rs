//! shadegrad trains neural networks with WGSL compute shaders that you can read, edit and measure.
//!
//! Each room knows only those before it in this list: [`compare`](mod@compare) and [`metrics`], [`data`] reads
//! MNIST, [`recipe`] says how to train, [`net`] is the network itself, [`reference`](mod@reference) has the CPU
//! twin of every kernel and the engine without a GPU, [`gpu`] is all that names wgpu, [`kernels`] registers
//! every `.wgsl` file, [`plan`] turns a network into data and data into commands, [`model`] keeps weights in
//! files, [`train`] runs the loop, [`session`] opens what a command needs, [`bench`](mod@bench) measures what
//! [`train`] runs, [`report`] is the only room that prints, and [`cli`] joins them.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod bench;
pub mod cli;
mod clock;
pub mod compare;
pub mod data;
pub mod gpu;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod net;
pub mod plan;
pub mod recipe;
pub mod reference;
pub mod report;
pub mod session;
pub mod train;
