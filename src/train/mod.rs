//! The training loop: iterations, reports, and when to stop.

mod engine;
mod gpu_engine;
mod trainer;

pub use engine::{Engine, OnCpu, Split};
pub use gpu_engine::OnGpu;
pub use trainer::{End, Observer, Reason, Report, Schedule, train};
