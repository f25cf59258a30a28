//! What can go wrong before a command's own work.

use crate::data::{DataError, Split};

/// Data or devices that cannot be opened as asked.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A data file is missing or wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// More training images are wanted than there are.
    #[error("{wanted}: there are only {there} training images")]
    TooFew {
        /// Images wanted.
        wanted: usize,
        /// Images in the files.
        there: usize,
    },
    /// Holding out leaves nothing to train on.
    #[error("{held_out}: of {there} training images at least one must be left to train on")]
    NothingToTrainOn {
        /// Images to hold out.
        held_out: usize,
        /// Images in the files.
        there: usize,
    },
    /// A set has more images than a plan can count.
    #[error("{found} {} images; at most {expected} are supported", split.name())]
    TooMany {
        /// The set.
        split: Split,
        /// The limit.
        expected: usize,
        /// Images in the set.
        found: usize,
    },
    /// The run needs more memory than there is.
    #[error("this run needs about {need} bytes of memory{}", have.map_or(String::new(), |have| format!(", and {have} are free")))]
    NoMemory {
        /// Bytes that are needed.
        need: u64,
        /// Bytes that are there, where the system says it.
        have: Option<u64>,
    },
    /// A graphics API of the environment is unknown.
    #[error("WGPU_BACKEND: `{0}` is none of vulkan, metal, dx12, gl")]
    UnknownApi(String),
}
