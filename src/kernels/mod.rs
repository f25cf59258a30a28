//! The registry: one entry for each `.wgsl` file, which drives its dispatches and its tests.

mod proof;
mod prove;
mod registry;
mod sources;

pub use proof::{Case, Random, Tensor};
pub use prove::prove;
pub use registry::{Entry, REGISTRY, Sizes, entry};
pub use sources::{COMMON, Shaders, Source, export, sources};
