//! The graphics card: adapters, devices, buffers, shaders and kernels. All that names wgpu is here.

mod adapter;
mod assemble;
mod buffer;
mod commands;
mod constants;
mod device;
mod error;
mod interface;
mod items;
mod kernel;
mod lexer;
mod limits;
mod pipeline;
mod read_back;
mod resource;
mod shader;
mod texture;
mod timer;
mod unroll;
mod wait;

pub use adapter::{Adapter, GraphicsApi, Wanted, adapters, choose, no_adapter};
pub use assemble::{HostConstants, Part};
pub use buffer::{ALIGNMENT, Buffer, Slice};
pub use commands::Command;
pub use device::{Device, Submission};
pub use error::{DeviceError, Limit, ShaderError};
pub use interface::{Binding, Element, Interface, MAX_TEXTURE_ROW};
pub use kernel::{Dispatch, Kernel};
pub use limits::Needs;
pub use read_back::ReadBack;
pub use resource::Resource;
pub use shader::{Shader, Workgroup};
pub use texture::Texture;
pub use timer::{DeviceTime, Reading, Timer};
