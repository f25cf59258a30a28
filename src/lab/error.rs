//! What can go wrong in the lab.

use std::io;

use crate::{
    gpu::{DeviceError, ShaderError},
    train::TrainError,
};

/// A check that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The device is gone, or has no room.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A built-in shader is not valid.
    #[error(transparent)]
    Shader(#[from] ShaderError),
    /// A network cannot be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A result could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}
