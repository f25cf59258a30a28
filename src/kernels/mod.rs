//! The registry: one entry for each kernel, which drives its dispatches, its check and its measurements.

mod cases;
mod check;
mod error;
mod files;
mod folder;
pub mod fused;
mod interfaces;
mod of_recipe;
mod profile;
mod registry;
mod sizes;
mod source;
mod sources;

pub use cases::{Case, Random, Tensor};
pub use check::check;
pub use error::CheckError;
pub use files::{shader_files, sources};
pub use interfaces::Interfaces;
pub use of_recipe::{activation_kernels, gather_kernel, optimizer_kernel};
pub use profile::{DeviceProfile, MatmulKind};
pub use registry::{COMMON, Constants, Entry, REGISTRY, entry, find};
pub use sizes::{Overrides, Sizes};
pub use source::{File, Source};
pub use sources::{Shaders, export};
