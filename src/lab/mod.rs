//! What one does with shaders beside training: prove them on a device, and look at every save.

mod check;
mod error;
mod network;
pub mod watch;

pub use check::{Check, CheckEnd, Observer, run};
pub use error::LabError;
pub use network::{NetworkCheck, Verdict};
