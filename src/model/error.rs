//! What can be wrong with a model file; each message says where, what, and what to do.

use std::{io, path::PathBuf};

use safetensors::Dtype;

use crate::visible::shown;

/// A model file could not be written, or what was read is not the model that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The path has no characters.
    #[error("the path of the model file is empty: give one such as model.safetensors")]
    EmptyPath,

    /// Nothing is there to load.
    #[error("{}: there is no such file; expected a model that --save wrote", shown(path))]
    Missing {
        /// The file asked for.
        path: PathBuf,
    },

    /// A directory, device or pipe stands where a file is expected.
    #[error(
        "{} is {found}, expected a regular file; give the name of one such as model.safetensors",
        shown(path)
    )]
    NotAFile {
        /// The path asked for.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },

    /// The operating system refused to read.
    #[error("{}: cannot be read: {source}; check its permissions and its disk", shown(path))]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// The folder to save in is not there.
    #[error(
        "{}: cannot be written as there is no folder {}: create it or choose another",
        shown(path),
        shown(folder)
    )]
    MissingFolder {
        /// The file to write.
        path: PathBuf,
        /// The folder it would be in.
        folder: PathBuf,
    },

    /// The file that would be replaced is protected.
    #[error("{} is read-only and stays as it is: save under another name or make it writable", shown(path))]
    ReadOnly {
        /// The file to write.
        path: PathBuf,
    },

    /// The operating system refused to write.
    #[error("{}: cannot be written: {source}; check the folder's permissions and free space", shown(path))]
    Write {
        /// The file to write.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A parameter to save is NaN or infinite: training has diverged.
    #[error(
        "{}: not written: {tensor} at {index} is {value}, expected finite numbers; train with a smaller --alpha",
        shown(path)
    )]
    Diverged {
        /// The file that stays as it was.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Where in the tensor, from 0.
        index: String,
        /// The offending value.
        value: f32,
    },

    /// The file has no bytes.
    #[error("{} is empty; expected a safetensors file as --save writes it", shown(path))]
    Empty {
        /// The file asked for.
        path: PathBuf,
    },

    /// The file is of another format.
    #[error("{} is {found}; expected a safetensors file as --save writes it", shown(path))]
    NotSafetensors {
        /// The file asked for.
        path: PathBuf,
        /// What it seems to be.
        found: String,
    },

    /// The JSON header is damaged.
    #[error(
        "{}: the safetensors header is damaged: {reason}; expected a file as --save writes it",
        shown(path)
    )]
    Header {
        /// The file asked for.
        path: PathBuf,
        /// What the parser found.
        reason: String,
    },

    /// The file ends too soon.
    #[error(
        "{} is cut short: {found} bytes, expected at least {expected}; copy or save it again",
        shown(path)
    )]
    Truncated {
        /// The file asked for.
        path: PathBuf,
        /// Length in bytes that its beginning announces.
        expected: u64,
        /// Length in bytes.
        found: u64,
    },

    /// Something follows the last tensor.
    #[error(
        "{} goes on after the last tensor: {found} bytes, expected {expected}; copy or save it again",
        shown(path)
    )]
    TrailingBytes {
        /// The file asked for.
        path: PathBuf,
        /// Length in bytes that its header announces.
        expected: u64,
        /// Length in bytes.
        found: u64,
    },

    /// A tensor of the network is not in the file.
    #[error("{} has no tensor {tensor}: it has {found}; {remedy}", shown(path))]
    MissingTensor {
        /// The file asked for.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Names in the file.
        found: String,
        /// What to do.
        remedy: String,
    },

    /// The file describes more layers than the network has.
    #[error("{} has a tensor {tensor}, which a {expected} network has not; {remedy}", shown(path))]
    UnexpectedTensor {
        /// The file asked for.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Widths of the network asked for, such as 784-10-10.
        expected: String,
        /// What to do.
        remedy: String,
    },

    /// The numbers are of another type.
    #[error(
        "{}: {tensor} is {found}, expected F32; convert the tensors to 32-bit floating point",
        shown(path)
    )]
    WrongDtype {
        /// The file asked for.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Type in the file.
        found: Dtype,
    },

    /// A tensor is of another shape.
    #[error("{}: {tensor} has shape {found}, expected {expected}; {remedy}", shown(path))]
    WrongShape {
        /// The file asked for.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Shape that the network needs, such as [10, 784].
        expected: String,
        /// Shape in the file.
        found: String,
        /// What to do.
        remedy: String,
    },

    /// A value in the file is NaN or infinite.
    #[error("{}: {tensor} at {index} is {value}, expected finite numbers; use another model", shown(path))]
    NotFinite {
        /// The file asked for.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// Where in the tensor, from 0.
        index: String,
        /// The offending value.
        value: f32,
    },
}
