//! The training loop: iterations, reports, and when to stop.

mod batch_feeder;
mod cpu_trainer;
mod early_stopping;
mod engine;
mod error;
mod gpu_engine;
mod pace;
mod prepared;
mod trainer;

pub use cpu_trainer::CpuTrainer;
pub use early_stopping::Goal;
pub use engine::{Engine, ReportMetrics};
pub use error::TrainError;
pub use gpu_engine::GpuEngine;
pub use prepared::Prepared;
pub use trainer::{End, Observer, Reason, Report, TrainOptions, train};
