//! shadegrad trains neural networks with WGSL compute shaders that you can read, edit and measure.
//!
//! Train on the first images of the MNIST in this repository, on a GPU or else on the CPU:
//!
//! ```
//! use shadegrad::{data::*, gpu::{self, *}, kernels::*, net::*, plan::*, recipe::*, reference::*, train::*};
//!
//! let mut data = Dataset::load("data".as_ref())?;
//! data.train.truncate(2_000);
//! let shape = Shape::new(data.train.inputs, &[10], data.classes)?;
//! let (recipe, start) = (Recipe::gradient_descent(0.1), Init::He.parameters(&shape, 42));
//! let mut engine: Box<dyn Engine> = match gpu::choose(&Wanted::Best, &[]) {
//!     Ok(adapter) => {
//!         let (profile, picture) = (DeviceProfile::of(&adapter), (data.rows, data.cols));
//!         let request = PlanRequest::new(&shape, data.lengths(), picture, &recipe, profile);
//!         Box::new(GpuEngine::open(&adapter, &Shaders::load(None)?, &request, None, &data, &start)?)
//!     }
//!     Err(_) => Box::new(CpuTrainer::new(CpuEngine::new(data.into(), start, &recipe))),
//! };
//! let before = engine.evaluate(Split::Train)?.expect("2,000 images").loss;
//! (0..50).try_for_each(|_| engine.iterate(1).map(drop))?;
//! let after = engine.evaluate(Split::Train)?.expect("2,000 images").loss;
//! println!("loss {before:.3}, after 50 iterations {after:.3}");
//! assert!(after < 0.9 * before);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each room knows only those before it in this list: [`compare`](mod@compare) and [`metrics`], [`data`] reads
//! MNIST, [`recipe`] says how to train, [`net`] is the network itself, [`reference`](mod@reference) has the CPU
//! twin of every kernel and the engine without a GPU, [`gpu`] is all that names wgpu, [`kernels`] registers
//! every `.wgsl` file, [`plan`] turns a network into data and data into commands, [`model`] keeps weights in
//! files, [`train`] runs the loop, [`session`] opens what a command needs, [`bench`](mod@bench) measures what
//! [`train`] runs, [`lab`] proves the shaders on a device, [`report`] is the only room that prints, and [`cli`] joins them.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

pub mod bench;
pub mod cli;
mod clock;
pub mod compare;
pub mod data;
pub mod gpu;
pub mod kernels;
pub mod lab;
pub mod metrics;
pub mod model;
pub mod net;
mod paths;
pub mod plan;
pub mod recipe;
pub mod reference;
pub mod report;
pub mod session;
pub mod train;
mod visible;
mod whole_file;
