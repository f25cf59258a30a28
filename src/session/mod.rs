//! What every command opens before its work: data and adapters.

mod device;
mod error;
pub mod memory;
mod source;

pub use device::{adapter_of_environment, graphics_apis};
pub use error::SessionError;
pub use source::{DataSource, fingerprint, load_while};
