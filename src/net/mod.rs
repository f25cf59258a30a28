//! The network itself: its shape, its parameters, where they start, and where each one is in memory.

mod init;
mod layout;
mod parameters;
mod shape;

pub use init::Init;
pub use layout::{ALIGN, LayerLayout, Layout};
pub use parameters::{Layer, ParameterKind, Parameters};
pub use shape::{LayerShape, MAX_HIDDEN_LAYERS, MAX_PARAMETERS, MAX_WIDTH, Shape, ShapeError};
