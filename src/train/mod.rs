//! The training loop: iterations, reports, and when to stop.

mod cpu_engine;
mod engine;
mod feed;
mod goal;
mod gpu_engine;
mod pace;
mod trainer;

pub use cpu_engine::OnCpu;
pub use engine::{Engine, Figures};
pub use goal::Goal;
pub use gpu_engine::OnGpu;
pub use trainer::{Course, End, Observer, Reason, Report, train};
