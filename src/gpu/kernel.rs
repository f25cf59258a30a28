//! A shader compiled for a device, and its dispatches.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError},
};

use super::{
    Binding, Bound, Device, Element, Interface, Resource, Shader, ShaderError, Workgroup,
    buffer::ALIGNMENT,
    contract::check_binding,
    pipeline::{Pipeline, bind_group_layout},
    shader::ENTRY_POINT,
    wait::wait_for,
};

/// WebGPU's default of workgroups in one dimension.
const MAX_WORKGROUPS: u64 = 65_535;

/// A compute pipeline with its constants baked in.
pub struct Kernel {
    pipeline: Pipeline,
    interface: Arc<Interface>,
    workgroup: Workgroup,
    label: Arc<str>,
}

/// A kernel bound to its buffers, ready to be recorded any number of times.
#[derive(Clone)]
pub struct Dispatch {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) bind_group: wgpu::BindGroup,
    pub(super) workgroups: [u32; 3],
    /// The kernel's name.
    pub label: Arc<str>,
}

impl Device {
    /// `shader` compiled with a value for each of its overrides; what was compiled before is taken as it is.
    ///
    /// # Errors
    /// [`ShaderError::Refused`] in wgpu's or the driver's words.
    pub fn kernel(
        &self,
        label: &str,
        shader: &Shader,
        overrides: &[(String, f64)],
    ) -> Result<Kernel, ShaderError> {
        let kernel = |pipeline| -> Result<Kernel, ShaderError> {
            let workgroup = shader.workgroup(overrides)?;
            Ok(Kernel { pipeline, interface: shader.interface.clone(), workgroup, label: label.into() })
        };
        let key = format!("{overrides:?}\n{}", shader.text);
        let known = || self.pipelines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipeline) = known().get(&key).cloned() {
            return kernel(pipeline);
        }
        // Not while locked: several are compiled side by side.
        let pipeline = self.compile(label, shader, overrides)?;
        known().insert(key, pipeline.clone());
        kernel(pipeline)
    }

    fn compile(
        &self,
        label: &str,
        shader: &Shader,
        overrides: &[(String, f64)],
    ) -> Result<Pipeline, ShaderError> {
        let _turn = self.turn_on_gl();
        let constants: Vec<_> = overrides.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let scope = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.raw.push_error_scope(wgpu::ErrorFilter::Internal);
        let module = self.raw.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Naga(Cow::Owned(shader.module.clone())),
        });
        let layout = bind_group_layout(&self.raw, label, &shader.interface);
        let pipeline_layout = self.raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let raw = self.raw.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(label),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some(ENTRY_POINT),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &constants,
                zero_initialize_workgroup_memory: true,
            },
            cache: None,
        });
        let refused = wait_for(internal.pop());
        match wait_for(scope.pop()).or(refused) {
            Some(error) => Err(refusal(self, &shader.interface.path, &error)),
            None => Ok(Pipeline { raw, layout }),
        }
    }
}

impl Kernel {
    /// Binds the buffers that `lookup` gives for the shader's variable names and sizes the
    /// dispatch to at least `invocations`.
    ///
    /// # Errors
    /// [`ShaderError::Refused`] where wgpu does not accept the combination.
    pub fn dispatch(
        &self,
        device: &Device,
        invocations: u64,
        mut lookup: impl FnMut(&Binding) -> Result<Resource, ShaderError>,
    ) -> Result<Dispatch, ShaderError> {
        let mut resources = Vec::with_capacity(self.interface.bindings.len());
        for binding in &self.interface.bindings {
            let resource = lookup(binding)?;
            self.check(binding, &resource)?;
            resources.push((binding.index, resource));
        }
        let entry = |(binding, resource)| wgpu::BindGroupEntry { binding, resource };
        let entries: Vec<_> =
            resources.iter().map(|(index, resource)| entry((*index, binding_resource(resource)))).collect();
        let scope = device.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let bind_group = device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&self.label),
            layout: &self.pipeline.layout,
            entries: &entries,
        });
        if let Some(error) = wait_for(scope.pop()) {
            return Err(refusal(device, &self.interface.path, &error));
        }
        let workgroups = grid(invocations, self.workgroup);
        let (pipeline, label) = (self.pipeline.raw.clone(), self.label.clone());
        Ok(Dispatch { pipeline, bind_group, workgroups, label })
    }

    /// Compares what the shader declares with what the host binds, before the driver sees it.
    fn check(&self, binding: &Binding, resource: &Resource) -> Result<(), ShaderError> {
        let bound = match resource {
            Resource::Texture(_) => Bound { element: Element::U32, bytes: 0, texture: true },
            Resource::Buffer(slice) => {
                debug_assert_eq!(slice.offset % ALIGNMENT, 0, "{}: offset of a bound slice", binding.name);
                Bound { element: slice.buffer.element, bytes: slice.size, texture: false }
            }
        };
        check_binding(binding, bound)
    }
}

fn binding_resource(resource: &Resource) -> wgpu::BindingResource<'_> {
    match resource {
        Resource::Texture(texture) => wgpu::BindingResource::TextureView(&texture.view),
        Resource::Buffer(slice) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &slice.buffer.raw,
            offset: slice.offset,
            size: wgpu::BufferSize::new(slice.size),
        }),
    }
}

/// The workgroups along x, y and z that cover `invocations`.
pub(super) fn grid(invocations: u64, workgroup: Workgroup) -> [u32; 3] {
    fold(invocations.div_ceil(workgroup.invocations()))
}

/// Spreads workgroups over x and y, as one dimension holds only so many; `flat_index` in
/// `common.wgsl` is the way back.
fn fold(workgroups: u64) -> [u32; 3] {
    let y = workgroups.div_ceil(MAX_WORKGROUPS).max(1);
    let x = workgroups.div_ceil(y);
    [x as u32, y as u32, 1]
}

fn refusal(device: &Device, path: &str, error: &wgpu::Error) -> ShaderError {
    let message = super::error::chain(error);
    ShaderError::Refused { path: path.into(), adapter: device.adapter().to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn every_workgroup_has_a_place() {
        for count in [1, 2, 65_535, 65_536, 183_750, 1 << 24] {
            let [x, y, z] = fold(count).map(u64::from);
            assert!(x * y * z >= count && x <= 65_535 && y <= 65_535, "{count}: {x} {y} {z}");
            assert!(x * y * z < count + y, "{count}: too many");
        }
    }
}
