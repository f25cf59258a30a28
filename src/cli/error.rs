//! Everything that can end a run, the exit status of each, and the remedies: they name flags, which no room
//! below knows.

use crate::{
    bench::BenchError,
    data::{DataError, Split},
    gpu::{DeviceError, Limit, ShaderError},
    kernels::CheckError,
    lab::{LabError, watch::WatchError},
    model::ModelError,
    net::ShapeError,
    plan::PlanError,
    report,
    session::SessionError,
    train::TrainError,
};

/// A failure that ends the program: its text says what, where, what was expected and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is not understood: clap's words, which begin with `error: `.
    #[error("{0}")]
    CommandLine(clap::Error),
    /// The command line asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A data file is missing or wrong.
    #[error("{0}{remedy}", remedy = data_remedy(.0))]
    Data(#[from] DataError),
    /// A model file is missing, wrong, or could not be written.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// No adapter, one that is too small, or one that went away.
    #[error("{0}{remedy}", remedy = device_remedy(.0))]
    Device(#[from] DeviceError),
    /// A shader that is missing, wrong, or does not fit.
    #[error("{0}{remedy}", remedy = shader_remedy(.0))]
    Shader(#[from] ShaderError),
    /// A result is wrong, in the words of the room that noticed.
    #[error("{0}")]
    Wrong(String),
    /// The accuracy that was asked for was not reached.
    #[error(
        "the target of {target} % is missed: {correct} of {samples} {set} images, {percent:.2} %, are classified \
         correctly after {iters} iterations", percent = 100.0 * *correct as f64 / *samples as f64
    )]
    TargetMissed {
        /// In percent.
        target: f64,
        /// Images that are classified correctly.
        correct: u64,
        /// validation or test
        set: &'static str,
        /// Images of the set.
        samples: u64,
        /// Iterations done.
        iters: usize,
    },
    /// The loss, or a weight, is not finite, or the loss is far too high.
    #[error("{0}")]
    Diverged(String),
    /// Standard output could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
    /// The run does not fit the machine.
    #[error("{0}")]
    NoMemory(String),
    /// The system refuses something that every run needs.
    #[error("{0}")]
    System(String),
    /// A signal ended the run.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// The exit status of the process: 2 usage, 3 data or model file, 4 device, 5 shader, 6 check
    /// missed, 7 diverged, 130 interrupted, 141 nobody reads standard output any more, 1 anything else.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Output(_) if self.is_closed_pipe() => 141, // as if SIGPIPE had ended it
            Error::Output(_) | Error::System(_) => 1,
            Error::CommandLine(_) | Error::Usage(_) => 2,
            Error::Data(_) | Error::Model(_) => 3,
            Error::Device(_) | Error::NoMemory(_) => 4,
            Error::Shader(_) => 5,
            Error::Wrong(_) | Error::TargetMissed { .. } => 6,
            Error::Diverged(_) => 7,
            Error::Interrupted => 130,
        }
    }
}

impl Error {
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// Says on standard error why the run failed. A signal is announced when it comes, and one who has closed
    /// the pipe knows.
    pub fn tell(&self) {
        match self {
            // With its own colours; where standard error is gone, there is nobody left to tell.
            Error::CommandLine(error) => drop(error.print()),
            Error::Interrupted => {}
            _ if self.is_closed_pipe() => {}
            _ => report::error(self),
        }
    }
}

/// What to do about a missing folder or file.
fn data_remedy(error: &DataError) -> &'static str {
    match error {
        DataError::NoFolder(_) | DataError::NotAFolder(_) => {
            "; --data takes the folder of the four files of MNIST, each with or without .gz: \
             train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte. \
             They are in `data` of this program's repository, and at https://storage.googleapis.com/cvdf-datasets/mnist/"
        }
        DataError::Missing { .. } => {
            "; --data takes a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, \
             t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (or EMNIST's or QMNIST's names), each with or \
             without .gz"
        }
        _ => "",
    }
}

/// What to do about a device.
fn device_remedy(error: &DeviceError) -> &'static str {
    match error {
        DeviceError::NoAdapter { .. } => {
            "\non Debian or Ubuntu a software Vulkan driver is one command away: sudo apt-get install \
             mesa-vulkan-drivers; `shadegrad devices` lists the adapters (a software GL adapter is taken only with \
             --backend gl or by its number); `--device cpu` trains without one"
        }
        DeviceError::TooSmall { limit, .. } => match limit {
            Limit::Binding => {
                "; use fewer samples (--limit), no --batch, --plan layerwise, or smaller layers (--hidden)"
            }
            Limit::Buffer => "; use fewer samples (--limit) or smaller layers (--hidden)",
            Limit::TextureDimension => "; use fewer samples (--limit), or --plan layerwise",
            _ => "; edit the shader to use less",
        },
        DeviceError::Lost { .. } => "; nothing is saved, run again",
        _ => "",
    }
}

/// What to do about a folder of shaders.
fn shader_remedy(error: &ShaderError) -> &'static str {
    match error {
        ShaderError::Folder { .. } => {
            "; --shaders takes a folder, `shadegrad shaders export DIR` writes one to edit"
        }
        _ => "",
    }
}

impl From<ShapeError> for Error {
    fn from(error: ShapeError) -> Self {
        Error::Usage(format!("--hidden: {error}"))
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Data(error) => error.into(),
            SessionError::TooFew { .. } => Error::Usage(format!("--limit {error}")),
            SessionError::NothingToTrainOn { .. } => Error::Usage(format!("--val {error}")),
            SessionError::NoMemory { .. } => {
                Error::NoMemory(format!("{error}: use smaller layers (--hidden) or fewer samples (--limit)"))
            }
            SessionError::TooMany { split, expected, .. } => Error::Usage(match split {
                Split::Train => format!("{error}: take a part of them with --limit {expected}"),
                Split::Val => format!("{error}: hold out fewer with --val"),
                Split::Test => format!("{error}: make a smaller test file"),
            }),
            SessionError::UnknownApi(_) => Error::Usage(error.to_string()),
        }
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::NotServed(why) => {
                Error::Usage(format!("--plan fused {why}: use --plan layerwise, or auto"))
            }
            PlanError::Device(error) => error.into(),
            PlanError::Shader(error) => error.into(),
            PlanError::OtherBuffers { .. } => Error::Wrong(error.to_string()),
        }
    }
}

impl From<TrainError> for Error {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Plan(error) => error.into(),
            TrainError::Device(error) => error.into(),
            TrainError::SamplesMissed { .. } | TrainError::Miscounted { .. } => {
                Error::Wrong(error.to_string())
            }
        }
    }
}

impl From<CheckError> for Error {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Wrong { .. } | CheckError::Blind { .. } => Error::Wrong(error.to_string()),
            CheckError::Device(error) => error.into(),
            CheckError::Shader(error) => error.into(),
        }
    }
}

impl From<WatchError> for Error {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::Folder { .. } => Error::Usage(format!(
                "{error}; watch takes a folder of shaders, `shadegrad shaders export DIR` writes one to edit"
            )),
            WatchError::Output(error) => error.into(),
        }
    }
}

impl From<LabError> for Error {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Device(error) => error.into(),
            LabError::Shader(error) => error.into(),
            LabError::Train(error) => error.into(),
            LabError::Output(error) => error.into(),
        }
    }
}

impl From<BenchError> for Error {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::NotTimed(_) => Error::Wrong(error.to_string()),
            BenchError::Nothing(_) => Error::Usage(error.to_string()),
            BenchError::Train(error) => error.into(),
            BenchError::Check(error) => error.into(),
            BenchError::Output(error) => error.into(),
        }
    }
}
