//! From a network to commands: a plan is data, a program is a plan compiled for a device.
//!
//! [`layerwise()`] and [`fused()`] are pure functions of a [`PlanRequest`] and the interfaces of the shader
//! files; [`choose`] picks one. [`Buffers::allocate`] makes the memory, [`Program::compile`] the pipelines,
//! bind groups and grids. Both can be done again.

mod batches;
mod buffers;
mod choice;
mod contract;
mod data;
mod derived;
mod error;
mod fused;
mod iteration;
mod kind;
mod layerwise;
mod memory;
mod program;
mod report;
mod request;
mod steps;

pub use buffers::Buffers;
pub use choice::{check_fused, choose};
pub use data::{
    BufferId, BufferSpec, Counter, Op, PassId, Plan, Read, Reported, Start, Step, StepInputs, View,
};
pub use error::PlanError;
pub use fused::fused;
pub use kind::PlanKind;
pub use layerwise::layerwise;
pub use program::Program;
pub use request::{MAX_SAMPLES, PlanRequest};
