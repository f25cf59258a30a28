//! What can go wrong on the way to a GPU and on it.

use std::path::PathBuf;

/// An adapter is missing, too small, or gone.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No adapter fits what was asked for.
    #[error("{wanted}: {found}\n{REMEDY}")]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// What there is instead.
        found: String,
    },
    /// A limit of the adapter is below what this run needs.
    #[error("{adapter} is too small for this run: {limit} is {have}, needed {need}; {remedy}")]
    TooSmall {
        /// The adapter.
        adapter: String,
        /// The WebGPU name of the limit.
        limit: &'static str,
        /// What this run needs.
        need: u64,
        /// What the adapter offers.
        have: u64,
        /// What makes the need smaller.
        remedy: &'static str,
    },
    /// The driver refused to open the adapter.
    #[error("cannot open {adapter}: {message}")]
    Open {
        /// The adapter.
        adapter: String,
        /// The driver's words.
        message: String,
    },
    /// A buffer did not fit.
    #[error("{adapter} has no room for {bytes} bytes ({label}): {message}")]
    OutOfMemory {
        /// The adapter.
        adapter: String,
        /// What the buffer is for.
        label: String,
        /// Its size.
        bytes: u64,
        /// The driver's words.
        message: String,
    },
    /// The device went away or stopped answering.
    #[error("lost {adapter}: {message}; weights since the last --save are gone, run again")]
    Lost {
        /// The adapter.
        adapter: String,
        /// The driver's words.
        message: String,
    },
    /// wgpu refused a command: a mistake in this program.
    #[error("{adapter} refused a command: {message}")]
    Refused {
        /// The adapter.
        adapter: String,
        /// wgpu's words.
        message: String,
    },
}

/// What to do where there is no adapter.
pub const REMEDY: &str = "on Debian or Ubuntu a software Vulkan driver is one command away: \
    sudo apt-get install mesa-vulkan-drivers; `shadegrad devices` lists the adapters; `--device cpu` trains without one";

/// A shader is missing or wrong, or does not fit what the host binds.
#[derive(Debug, thiserror::Error)]
pub enum ShaderError {
    /// A file or folder of shaders could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A .wgsl file whose name is no kernel's.
    #[error("{path}: no kernel has this name; known are {known}")]
    UnknownFile {
        /// The file.
        path: PathBuf,
        /// The registered names.
        known: String,
    },
    /// The text is no valid WGSL.
    #[error("{path} is not valid WGSL\n{message}")]
    Invalid {
        /// Where the text came from.
        path: String,
        /// naga's words, with line, column and caret.
        message: String,
    },
    /// The interface is not what the host binds.
    #[error("{path}: {message}")]
    Interface {
        /// Where the text came from.
        path: String,
        /// Both sides of the difference.
        message: String,
    },
    /// The driver or wgpu refused the kernel.
    #[error("{path} was refused for {adapter}: {message}")]
    Refused {
        /// Where the text came from.
        path: String,
        /// The adapter.
        adapter: String,
        /// wgpu's words.
        message: String,
    },
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
