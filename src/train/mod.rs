//! The training loop: iterations, reports, and when to stop.

mod batch_feeder;
mod cpu_trainer;
mod divergence;
mod engine;
mod error;
mod gpu_engine;
mod hint;
mod job;
mod keeper;
mod miscount;
mod pace;
mod prepared;
mod stop;
mod stopping;
mod trainer;
mod twin;

pub use cpu_trainer::CpuTrainer;
pub use divergence::Divergence;
pub use engine::{Engine, ReportMetrics};
pub use error::TrainError;
pub use gpu_engine::GpuEngine;
pub use hint::Hint;
pub use prepared::Prepared;
pub use stop::{Kept, Snapshot, Stop};
pub use stopping::{Goal, Reason};
pub use trainer::{End, Figures, Observer, Report, TrainOptions, train};
pub use twin::follow;
