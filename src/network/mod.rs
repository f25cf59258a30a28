//! The network: its shape, its parameters, and the plans that compute it.

mod batches;
mod builder;
mod choice;
mod compiler;
mod fused;
mod init;
mod layerwise;
mod layout;
mod parameters;
mod plan;
mod products;
mod samples;
mod shape;
mod sizes;
mod work;

pub use batches::Ahead;
pub use choice::{PlanKind, Variants};
pub use init::Init;
pub use layout::{LayerLayout, Layout};
pub use parameters::{Layer, Parameters};
pub use plan::{Pass, Plan, Set};
pub use products::Products;
pub use shape::{LayerShape, MAX_HIDDEN_LAYERS, MAX_PARAMETERS, MAX_WIDTH, Shape};
pub use sizes::{MAX_SAMPLES, PlanSizes};
pub use work::Work;
