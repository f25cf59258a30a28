//! The registry: one entry for each `.wgsl` file, which drives its dispatches and its tests.

mod cost;
pub mod fused;
mod proof;
mod proof_fused;
mod prove;
mod registry;
mod sources;

pub use cost::Cost;
pub use proof::{Case, Random, Tensor};
pub use prove::prove;
pub use registry::{Constants, Entry, REGISTRY, Sizes, Source, entry};
pub use sources::{COMMON, Shaders, export, sources};
