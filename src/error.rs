//! Everything that can go wrong, and the exit status each failure ends in.

use crate::{
    data::DataError,
    gpu::{DeviceError, ShaderError},
    model::ModelError,
};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that ends the program: its text says what, where, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A data file is missing or wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A model file is missing, wrong, or could not be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No adapter, one that is too small, or one that went away.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A shader that is missing, wrong, or does not fit.
    #[error(transparent)]
    Shader(#[from] ShaderError),
    /// A sum over samples left some out.
    #[error(
        "{kernel} has added up {seen} samples where {expected} went in (both modulo 2^32), on {device}: the \
         result is wrong and the run stops. An edited shader that skips rows does this, and so does a \
         driver that cuts loops short (Mesa's software Vulkan before version 25 stops every loop of an \
         invocation at 65,535 turns in all)"
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
    /// A kernel does not compute what its CPU twin does.
    #[error("{kernel} is wrong at {sizes:?}: buffer `{buffer}`: {difference}")]
    WrongKernel {
        /// The kernel.
        kernel: &'static str,
        /// The buffer that differs.
        buffer: String,
        /// The sizes of the dispatch.
        sizes: Box<crate::kernels::Sizes>,
        /// The first difference.
        difference: String,
    },
    /// A bench found something wrong, which it then did not time.
    #[error("wrong, and so without a time: {0}")]
    NotTimed(String),
    /// The accuracy that was asked for was not reached.
    #[error(
        "the target of {target} % is missed: {hits} of {samples} {set} images, {percent:.2} %, are right after \
         {iters} iterations", percent = 100.0 * *hits as f64 / *samples as f64
    )]
    TargetMissed {
        /// In percent.
        target: f64,
        /// Images that are classified right.
        hits: u64,
        /// validation or test
        set: &'static str,
        /// Images of the set.
        samples: u64,
        /// Iterations done.
        iters: usize,
    },
    /// The loss, or a weight, is not finite.
    #[error("{0}")]
    Diverged(String),
    /// Standard output could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// The exit status of the process: 2 usage, 3 data or model file, 4 device, 5 shader, 6 check
    /// missed, 7 diverged, 130 interrupted, 1 anything else.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Output(_) => 1,
            Error::Usage(_) => 2,
            Error::Data(_) | Error::Model(_) => 3,
            Error::Device(_) => 4,
            Error::Shader(_) => 5,
            Error::SamplesMissed { .. }
            | Error::WrongKernel { .. }
            | Error::NotTimed(_)
            | Error::TargetMissed { .. } => 6,
            Error::Diverged(_) => 7,
            Error::Interrupted => 130,
        }
    }
}
