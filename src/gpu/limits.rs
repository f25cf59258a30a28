//! What a run needs of an adapter, compared with what it offers.

use super::{DeviceError, Interface, Limit, Workgroup};

/// The limits that a run may need more of than WebGPU guarantees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Bytes of the largest slice that a kernel sees.
    pub binding: u64,
    /// Bytes of the largest buffer.
    pub buffer: u64,
    /// Storage buffers of the kernel with the most.
    pub storage_buffers: u64,
    /// Invocations of the largest workgroup.
    pub invocations: u64,
    /// The longest side of a workgroup.
    pub workgroup_side: u64,
    /// Bytes of workgroup memory of the kernel with the most.
    pub workgroup_memory: u64,
    /// Whether a kernel uses f16.
    pub f16: bool,
}

impl Needs {
    /// Takes in the needs of one kernel.
    pub fn kernel(&mut self, interface: &Interface, workgroup: Workgroup) {
        let buffers = interface.bindings.iter().filter(|binding| !binding.texture).count();
        self.storage_buffers = self.storage_buffers.max(buffers as u64);
        self.invocations = self.invocations.max(workgroup.invocations());
        self.workgroup_side = self.workgroup_side.max(u64::from(*workgroup.size.iter().max().unwrap_or(&1)));
        self.workgroup_memory = self.workgroup_memory.max(workgroup.memory);
    }

    /// The first limit that is exceeded: which, need and have.
    pub(super) fn beyond(&self, have: &wgpu::Limits) -> Option<(Limit, u64, u64)> {
        let rows = [
            (Limit::Binding, self.binding, have.max_storage_buffer_binding_size),
            (Limit::Buffer, self.buffer, have.max_buffer_size),
            (Limit::Invocations, self.invocations, have.max_compute_invocations_per_workgroup.into()),
            (Limit::WorkgroupSide, self.workgroup_side, have.max_compute_workgroup_size_x.into()),
            (Limit::WorkgroupMemory, self.workgroup_memory, have.max_compute_workgroup_storage_size.into()),
            (Limit::StorageBuffers, self.storage_buffers, have.max_storage_buffers_per_shader_stage.into()),
        ];
        rows.into_iter().find(|&(_, need, have)| need > have)
    }

    /// The limits to open `adapter` with: WebGPU's defaults where the adapter has them, and no more
    /// than that but for what is needed.
    pub(super) fn limits(&self, adapter: &str, have: &wgpu::Limits) -> Result<wgpu::Limits, DeviceError> {
        if let Some((limit, need, have)) = self.beyond(have) {
            return Err(DeviceError::TooSmall { adapter: adapter.into(), limit, need, have });
        }
        let mut limits = wgpu::Limits::defaults().or_worse_values_from(have);
        limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.max(self.binding);
        limits.max_buffer_size = limits.max_buffer_size.max(self.buffer);
        for (limit, need) in [
            (&mut limits.max_storage_buffers_per_shader_stage, self.storage_buffers),
            (&mut limits.max_compute_invocations_per_workgroup, self.invocations),
            (&mut limits.max_compute_workgroup_size_x, self.workgroup_side),
            (&mut limits.max_compute_workgroup_storage_size, self.workgroup_memory),
        ] {
            *limit = (*limit).max(need as u32);
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_adapter_is_told_with_limit_need_and_have() {
        let needs = Needs { binding: 200 << 20, ..Needs::default() };
        let error = needs.limits("a phone", &wgpu::Limits::defaults()).unwrap_err().to_string();
        for part in ["a phone", "maxStorageBufferBindingSize", "209715200", "134217728"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn only_what_is_needed_is_asked_for() {
        let have = wgpu::Limits {
            max_buffer_size: 1 << 40,
            max_storage_buffer_binding_size: 1 << 31,
            ..wgpu::Limits::defaults()
        };
        let needs = Needs { binding: 1 << 28, buffer: 1 << 29, ..Needs::default() };
        let limits = needs.limits("a card", &have).unwrap();
        assert_eq!(limits.max_storage_buffer_binding_size, 1 << 28);
        assert_eq!(limits.max_buffer_size, 1 << 29);
        let modest = Needs::default().limits("a card", &have).unwrap();
        assert_eq!(modest.max_buffer_size, wgpu::Limits::defaults().max_buffer_size);
    }
}
