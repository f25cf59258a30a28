//! The network: its shape, its parameters, and the plans that compute it.

mod init;
mod layerwise;
mod layout;
mod parameters;
mod shape;
mod sizes;

pub use init::Init;
pub use layerwise::Layerwise;
pub use layout::{LayerLayout, Layout};
pub use parameters::{Layer, Parameters};
pub use shape::{LayerShape, MAX_HIDDEN_LAYERS, MAX_PARAMETERS, MAX_WIDTH, Shape};
pub use sizes::{Counter, MAX_SAMPLES, PlanSizes};
