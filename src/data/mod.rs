//! MNIST and its relatives: IDX files, gzipped or plain, into pixels and labels.

mod content;
mod dataset;
mod error;
mod files;
mod fingerprint;
mod idx;
mod label_error;
mod labels;
mod names;
mod samples;
mod source;

pub use dataset::{Dataset, Declared, declared};
pub use error::{DataError, Fault};
pub use files::Transpose;
pub use idx::{Images, read_images};
pub use label_error::LabelFault;
pub use labels::{Classes, Labels, MAX_CLASSES, read_labels};
pub use names::is_data_file;
pub use samples::{Lengths, Samples, Split};
