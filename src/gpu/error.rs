//! What can go wrong on the way to a GPU and on it.

use std::path::PathBuf;

use crate::visible::shown;

/// An adapter is missing, too small, or gone.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No adapter fits what was asked for.
    #[error("{wanted}: {found}")]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// What there is instead.
        found: String,
    },
    /// A limit of the adapter is below what this run needs.
    #[error("{adapter} is too small for this run: {} is {have}, needed {need}", limit.name())]
    TooSmall {
        /// The adapter.
        adapter: String,
        /// The limit.
        limit: Limit,
        /// What this run needs.
        need: u64,
        /// What the adapter offers.
        have: u64,
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
    #[error("lost {adapter}: {message}")]
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

/// A limit of an adapter that a run may need more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of the largest range of a buffer that a kernel sees.
    Binding,
    /// Bytes of the largest buffer.
    Buffer,
    /// Storage buffers of a kernel.
    StorageBuffers,
    /// Invocations of a workgroup.
    Invocations,
    /// The longest side of a workgroup.
    WorkgroupSide,
    /// Bytes of workgroup memory.
    WorkgroupMemory,
    /// Texels of a texture's longest side.
    TextureDimension,
}

impl Limit {
    /// The WebGPU name.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Binding => "maxStorageBufferBindingSize",
            Limit::Buffer => "maxBufferSize",
            Limit::StorageBuffers => "maxStorageBuffersPerShaderStage",
            Limit::Invocations => "maxComputeInvocationsPerWorkgroup",
            Limit::WorkgroupSide => "maxComputeWorkgroupSizeX",
            Limit::WorkgroupMemory => "maxComputeWorkgroupStorageSize",
            Limit::TextureDimension => "maxTextureDimension2D",
        }
    }
}

/// A shader is missing or wrong, or does not fit what the host binds.
#[derive(Debug, thiserror::Error)]
pub enum ShaderError {
    /// A file or folder of shaders could not be read or written.
    #[error("{}: {source}", shown(path))]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A folder of shaders could not be read, or has none.
    #[error("{}: {message}", shown(path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file is no text that a shader may be.
    #[error("{path}: {message}")]
    Text {
        /// The file, and its line where there is one.
        path: String,
        /// What is wrong with it.
        message: String,
    },
    /// A .wgsl file whose name is no kernel's.
    #[error("{}: no kernel has this name; known are {known}", shown(path))]
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

/// An error and its causes, each said once: some errors have the words of their causes in their own.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = Vec::new();
    for words in causes.map(|cause| cause.to_string().trim().to_owned()) {
        let lines = || words.lines().map(str::trim);
        if !said.iter().any(|before| lines().all(|line| before.contains(line))) {
            said.push(words);
        }
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Failure {
        words: &'static str,
        source: Option<Box<Failure>>,
    }

    #[test]
    fn a_cause_is_said_once() {
        let cause = |words, source| Failure { words, source };
        let inner = cause("index 7 is too large\n  at most 5", None);
        let said = "cannot be made\n\nCaused by:\n  index 7 is too large\n    at most 5\n";
        let repeated = cause(said, Some(Box::new(inner)));
        assert_eq!(super::chain(&repeated), said.trim());
        let plain =
            cause("cannot be made", Some(Box::new(cause("index 7", Some(Box::new(cause("of 5", None)))))));
        assert_eq!(super::chain(&plain), "cannot be made: index 7: of 5");
    }
}
