//! The registry: one entry for each `.wgsl` file, which drives its dispatches and its tests.

mod registry;
mod sources;

pub use registry::{Entry, REGISTRY, Sizes, entry};
pub use sources::{COMMON, Shaders, Source, export, sources};
