//! A compiled shader, as wgpu has it.

use super::{Binding, interface::Interface};

/// A pipeline, and the layout of what is bound to it.
#[derive(Clone)]
pub(super) struct Pipeline {
    pub raw: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

/// The layout of what a shader binds.
pub(super) fn bind_group_layout(
    device: &wgpu::Device,
    label: &str,
    interface: &Interface,
) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = interface
        .bindings
        .iter()
        .map(|binding| wgpu::BindGroupLayoutEntry {
            binding: binding.index,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: binding_type(binding),
            count: None,
        })
        .collect();
    device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}

fn binding_type(binding: &Binding) -> wgpu::BindingType {
    if binding.texture {
        return wgpu::BindingType::StorageTexture {
            access: wgpu::StorageTextureAccess::ReadOnly,
            format: wgpu::TextureFormat::Rgba32Uint,
            view_dimension: wgpu::TextureViewDimension::D2,
        };
    }
    wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Storage { read_only: !binding.writable },
        has_dynamic_offset: false,
        min_binding_size: None,
    }
}
