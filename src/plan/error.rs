//! What can go wrong on the way from a network to commands.

use crate::gpu::{DeviceError, ShaderError};

/// A plan that cannot be made or compiled.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The fused plan is asked for and does not serve the network.
    #[error("the fused plan {0}")]
    NotServed(String),
    /// A program needs other buffers than those that are there.
    #[error("this program needs other buffers: {name} is {found}, and the plan has {expected}")]
    OtherBuffers {
        /// The first buffer that differs.
        name: String,
        /// What the plan declares.
        expected: String,
        /// What is allocated.
        found: String,
    },
    /// The device is too small, out of memory, or gone.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A shader is not valid, or does not fit the plan.
    #[error(transparent)]
    Shader(#[from] ShaderError),
}
