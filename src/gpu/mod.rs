//! The graphics card: adapters, devices, buffers, shaders and kernels. All that names wgpu is here.

mod adapter;
mod buffer;
mod commands;
mod device;
mod error;
mod kernel;
mod limits;
mod read_back;
mod shader;
mod texture;
mod timer;
mod unroll;

pub use adapter::{Adapter, GraphicsApi, Wanted, adapters, choose, no_adapter};
pub use buffer::{ALIGNMENT, Buffer, Slice};
pub use commands::Command;
pub use device::{Device, Submission};
pub use error::{DeviceError, REMEDY, ShaderError};
pub use kernel::{Dispatch, Kernel};
pub use limits::Needs;
pub use read_back::ReadBack;
pub use shader::{Binding, Element, Shader, Workgroup, in_common};
pub use texture::Texture;
pub use timer::{DeviceTime, Reading, Timer};
