//! The registry: one entry for each `.wgsl` file, which drives its dispatches and its tests.

mod cost;
pub mod fused;
mod proof;
mod proof_activation;
mod proof_batch;
mod proof_fused;
mod proof_loss;
mod proof_product;
mod proof_update;
mod prove;
mod registry;
mod shapes;
mod sizes;
mod sources;

pub use cost::Cost;
pub use proof::{Case, Random, Tensor};
pub use prove::prove;
pub use registry::{Constants, Entry, REGISTRY, Source, entry};
pub use sizes::{Settings, Sizes};
pub use sources::{COMMON, Shaders, export, sources};
