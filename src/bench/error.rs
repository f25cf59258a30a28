//! What can go wrong in a bench.

use std::io;

use crate::{
    gpu::{DeviceError, ShaderError},
    kernels::CheckError,
    train::TrainError,
};

/// A bench that did not end well.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Something is wrong and was not timed.
    #[error("not timed: the result is wrong: {0}")]
    NotTimed(String),
    /// This device runs nothing of what is asked for: the texts, and why.
    #[error("nothing could be measured on this device: {0}")]
    Nothing(String),
    /// The iteration cannot be computed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A kernel cannot be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// A result could not be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl From<DeviceError> for BenchError {
    fn from(error: DeviceError) -> Self {
        TrainError::from(error).into()
    }
}

impl From<ShaderError> for BenchError {
    fn from(error: ShaderError) -> Self {
        TrainError::from(error).into()
    }
}
