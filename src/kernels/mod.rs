//! The registry: one entry for each kernel, which drives its dispatches, its check and its measurements.

mod cases;
mod check;
mod contract;
mod error;
mod files;
mod folder;
pub mod fused;
mod interfaces;
mod of_recipe;
mod profile;
mod registry;
mod selection;
mod sizes;
mod source;
mod sources;
mod trial;

pub use cases::{Case, Depth, Random, Shapes, Tensor};
pub use check::{Checker, OnRun, SourceCheck, needs_of_edited};
pub use contract::check_contract;
pub use error::{CheckError, Mismatch, mismatch_text};
pub use files::{kernels_and_sources, shader_files, sources};
pub use folder::{ShaderText, VARIANTS, read_each};
pub use interfaces::Interfaces;
pub use of_recipe::{activation_kernels, gather_kernel, optimizer_kernel};
pub use profile::{DeviceProfile, MatmulKind};
pub use registry::{COMMON, Constants, Entry, REGISTRY, entry, find};
pub use selection::sources_named;
pub use sizes::{Overrides, Sizes};
pub use source::{File, Source};
pub use sources::{Shaders, export};
pub use trial::{Nearest, Trial, check};
