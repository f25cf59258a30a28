//! The network: its shape, its parameters, and the plans that compute it.

mod init;
mod layerwise;
mod layout;
mod parameters;
mod shape;

pub use init::Init;
pub use layerwise::{Counter, Layerwise, MAX_SAMPLES, PlanSizes};
pub use layout::{LayerLayout, Layout};
pub use parameters::{Layer, Parameters};
pub use shape::{LayerShape, MAX_HIDDEN_LAYERS, MAX_PARAMETERS, MAX_WIDTH, Shape};
