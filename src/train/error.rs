//! What can go wrong in a training.

use crate::{
    gpu::{DeviceError, ShaderError},
    plan::PlanError,
};

/// A training that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The plan cannot be made or compiled.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The device is gone, or has no room.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A sum over samples left some out.
    #[error(
        "{kernel} summed {seen} of {expected} samples (both modulo 2^32) on {device}: the result is wrong, \
         stopping. An edited shader that skips rows does this, and so does a driver that cuts loops short \
         (Mesa's software Vulkan before version 25 stops every loop of an invocation at 65,535 iterations in all)"
    )]
    SamplesMissed {
        /// The kernel and its layer.
        kernel: String,
        /// The adapter.
        device: String,
        /// Samples that went in.
        expected: u32,
        /// Samples that were counted.
        seen: u32,
    },
    /// More correct predictions than samples.
    #[error(
        "{kernel} counted {correct} correct predictions among {samples} {set} samples on {device}: the result is \
         wrong, stopping. A sample counts once at most"
    )]
    Miscounted {
        /// The kernel's file.
        kernel: &'static str,
        /// The adapter.
        device: String,
        /// The set of samples.
        set: &'static str,
        /// Correct predictions as they were counted.
        correct: u64,
        /// Samples that there are.
        samples: u64,
    },
}

impl From<ShaderError> for TrainError {
    fn from(error: ShaderError) -> Self {
        PlanError::from(error).into()
    }
}
