//! A buffer's bytes once more, as a texture: software drivers read a texture for all lanes of a subgroup at
//! once, and a buffer lane by lane.

use super::{Device, DeviceError, Limit, Slice, wait::wait_for};

/// Bytes of a texel, four numbers.
const TEXEL: u64 = 16;

/// A copy of a slice as rows of texels, for kernels that declare it as
/// `texture_storage_2d<rgba32uint, read>`. What is written to the slice later does not reach it.
#[derive(Clone)]
pub struct Texture {
    pub(super) view: wgpu::TextureView,
}

impl Device {
    /// Copies `slice` into a texture with rows of `row` texels. The last row may be shorter; the rest of it
    /// is 0.
    ///
    /// # Errors
    /// [`DeviceError::TooSmall`] if there are more rows than a texture holds; [`DeviceError::OutOfMemory`].
    pub fn texture(&self, slice: &Slice, row: usize) -> Result<Texture, DeviceError> {
        let row = row as u64;
        let texels = slice.size / TEXEL;
        let (need, have) = (texels.div_ceil(row), self.raw.limits().max_texture_dimension_2d.into());
        if need > have {
            let (adapter, limit) = (self.adapter().to_string(), Limit::TextureDimension);
            return Err(DeviceError::TooSmall { adapter, limit, need, have });
        }
        let memory = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let texture = self.raw.create_texture(&wgpu::TextureDescriptor {
            label: Some(&slice.buffer.label),
            size: extent(row, texels.div_ceil(row)),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Uint,
            usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let mut encoder = self.raw.create_command_encoder(&Default::default());
        let whole = texels / row;
        for (y, size) in [(0, extent(row, whole)), (whole, extent(texels % row, 1))] {
            if size.width > 0 && size.height > 0 {
                encoder.copy_buffer_to_texture(rows(slice, y, row), at_row(&texture, y), size);
            }
        }
        self.hand_over(encoder);
        let refused = wait_for(validation.pop());
        match wait_for(memory.pop()) {
            Some(error) => Err(DeviceError::OutOfMemory {
                adapter: self.adapter().to_string(),
                label: format!("{} as a texture", slice.buffer.label),
                bytes: slice.size,
                message: error.to_string(),
            }),
            None => match refused {
                Some(error) => Err(self.refused(&error)),
                None => Ok(Texture { view: texture.create_view(&Default::default()) }),
            },
        }
    }
}

fn extent(width: u64, height: u64) -> wgpu::Extent3d {
    wgpu::Extent3d { width: width as u32, height: height as u32, depth_or_array_layers: 1 }
}

fn rows(slice: &Slice, y: u64, row: u64) -> wgpu::TexelCopyBufferInfo<'_> {
    wgpu::TexelCopyBufferInfo {
        buffer: &slice.buffer.raw,
        layout: wgpu::TexelCopyBufferLayout {
            offset: slice.offset + y * row * TEXEL,
            bytes_per_row: Some((row * TEXEL) as u32),
            rows_per_image: None,
        },
    }
}

fn at_row(texture: &wgpu::Texture, y: u64) -> wgpu::TexelCopyTextureInfo<'_> {
    wgpu::TexelCopyTextureInfo {
        texture,
        mip_level: 0,
        origin: wgpu::Origin3d { x: 0, y: y as u32, z: 0 },
        aspect: wgpu::TextureAspect::All,
    }
}
