//! What the variables of a shader are bound to.

use super::{Device, DeviceError, Interface, ShaderError, Slice, Texture};

/// What a variable of a shader is bound to.
#[derive(Clone)]
pub enum Resource {
    /// A range of a buffer.
    Buffer(Slice),
    /// A texture.
    Texture(Texture),
}

impl Device {
    /// `slice` as `interface` declares it under `name`: a texture with rows of its constant `ROW`, if it is
    /// declared as one.
    ///
    /// # Errors
    /// [`DeviceError`] as [`Device::texture`]; within `Ok`, [`ShaderError::Interface`] if `ROW` is missing or
    /// cannot be the length of a row.
    pub fn resource(
        &self,
        interface: &Interface,
        name: &str,
        slice: Slice,
    ) -> Result<Result<Resource, ShaderError>, DeviceError> {
        Ok(match interface.texture_row(name) {
            Ok(Some(row)) => Ok(Resource::Texture(self.texture(&slice, row)?)),
            Ok(None) => Ok(Resource::Buffer(slice)),
            Err(error) => Err(error),
        })
    }
}
