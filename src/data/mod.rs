//! MNIST and its relatives: IDX files, gzipped or plain, into pixels and labels.

mod content;
mod dataset;
mod error;
mod fingerprint;
mod idx;
mod source;

pub use dataset::{CLASSES, Dataset, Declared, Lengths, Samples, Split, declared};
pub use error::{DataError, Fault};
pub use idx::{Images, read_images, read_labels};
