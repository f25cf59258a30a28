//! The training loop: iterations, reports, and when to stop.

mod engine;
mod gpu_engine;
mod pace;
mod trainer;

pub use engine::{Engine, Figures, OnCpu, Split};
pub use gpu_engine::OnGpu;
pub use trainer::{End, Observer, Reason, Report, Schedule, train};
