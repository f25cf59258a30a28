//! Lists of work, recorded many times into one submission.

use super::{Device, DeviceError, Dispatch, Slice, Submission};

/// One thing the device does.
#[derive(Clone)]
pub enum Command {
    /// Run a kernel.
    Dispatch(Dispatch),
    /// Fill with zeros.
    Clear(Slice),
}

impl Device {
    /// Hands `commands` to the device, `times` over, in one submission.
    pub fn submit(&self, commands: &[Command], times: usize) -> Submission {
        self.hand_over(self.record(commands, times))
    }

    /// Waits until the driver is ready for the kernels of `commands`, and runs none: some drivers compile a
    /// kernel when it is first dispatched, be it to no workgroups.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub fn make_ready<'a>(&self, commands: impl IntoIterator<Item = &'a Command>) -> Result<(), DeviceError> {
        let mut kernels: Vec<&Dispatch> = Vec::new();
        for command in commands {
            if let Command::Dispatch(dispatch) = command
                && !kernels.iter().any(|kernel| kernel.pipeline == dispatch.pipeline)
            {
                kernels.push(dispatch);
            }
        }
        let idle = |kernel: &Dispatch| Command::Dispatch(Dispatch { workgroups: [0; 3], ..kernel.clone() });
        let idle: Vec<_> = kernels.into_iter().map(idle).collect();
        self.wait(&self.submit(&idle, 1))
    }

    pub(super) fn record(&self, commands: &[Command], times: usize) -> wgpu::CommandEncoder {
        let mut encoder = self.raw.create_command_encoder(&Default::default());
        record_into(&mut encoder, commands, times);
        encoder
    }
}

/// Records `commands`, `times` over, behind what is recorded.
pub(super) fn record_into(encoder: &mut wgpu::CommandEncoder, commands: &[Command], times: usize) {
    let mut rest: Vec<&Command> = (0..times).flat_map(|_| commands).collect();
    rest.reverse();
    while let Some(command) = rest.pop() {
        match command {
            Command::Clear(slice) => {
                encoder.clear_buffer(&slice.buffer.raw, slice.offset, Some(slice.size));
            }
            Command::Dispatch(first) => {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                record(&mut pass, first);
                while let Some(Command::Dispatch(next)) = rest.last() {
                    record(&mut pass, next);
                    rest.pop();
                }
            }
        }
    }
}

/// Records one dispatch into a pass.
pub(super) fn record(pass: &mut wgpu::ComputePass, dispatch: &Dispatch) {
    let [x, y, z] = dispatch.workgroups;
    pass.set_pipeline(&dispatch.pipeline);
    pass.set_bind_group(0, &dispatch.bind_group, &[]);
    pass.dispatch_workgroups(x, y, z);
}
