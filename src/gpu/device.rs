//! An open device: buffers in, commands out, and every failure noticed.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    Adapter, Buffer, DeviceError, Element, GraphicsApi, buffer::Slice, limits::Needs, pipeline::Pipeline,
    wait::wait_for,
};
use crate::clock::{Duration, Instant};

/// How long one look at a submission may take before the flags are looked at again.
const LOOK: Duration = Duration::from_secs(1);
/// Longer than any legitimate submission (an iteration of the widest network on a software driver): after it the
/// device is considered hung.
const HANG: Duration = Duration::from_secs(1800);

/// An adapter opened for a run.
pub struct Device {
    pub(super) raw: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: Adapter,
    fault: Fault,
    /// Held while something is submitted or waited for: wgpu panics if one thread waits while another submits.
    pub(super) lock: Mutex<()>,
    /// Compiled so far, by text and overrides.
    pub(super) pipelines: Mutex<HashMap<String, Pipeline>>,
}

/// The first thing that went wrong outside of any call, noted by wgpu's callbacks.
type Fault = Arc<Mutex<Option<DeviceFault>>>;

enum DeviceFault {
    Lost(String),
    Refused(String),
}

/// A mark in the queue that can be waited for.
#[derive(Clone)]
pub struct Submission(pub(super) wgpu::SubmissionIndex);

impl Device {
    /// Opens `adapter` with no more than `needs` asks for, and with timestamps and subgroups if it has them.
    ///
    /// # Errors
    /// [`DeviceError::TooSmall`] with the limit, need and have; [`DeviceError::Open`] if the
    /// driver refuses.
    pub fn open(adapter: &Adapter, needs: &Needs) -> Result<Self, DeviceError> {
        let mut features = wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        features.set(wgpu::Features::SHADER_F16, needs.f16);
        let description = wgpu::DeviceDescriptor {
            label: Some("shadegrad"),
            // Used where there are any, never demanded.
            required_features: adapter.raw.features() & features,
            required_limits: needs.limits(&adapter.to_string(), &adapter.raw.limits())?,
            ..Default::default()
        };
        let (raw, queue) = wait_for(adapter.raw.request_device(&description)).map_err(|error| {
            DeviceError::Open { adapter: adapter.to_string(), message: error.to_string() }
        })?;
        let fault = Fault::default();
        let on_error = fault.clone();
        raw.on_uncaptured_error(Arc::new(move |error| {
            note(&on_error, DeviceFault::Refused(error.to_string()));
        }));
        let on_loss = fault.clone();
        raw.set_device_lost_callback(move |reason, message| {
            note(&on_loss, DeviceFault::Lost(format!("{reason:?} {message}")));
        });
        Ok(Device {
            raw,
            queue,
            adapter: adapter.clone(),
            fault,
            lock: Mutex::default(),
            pipelines: Mutex::default(),
        })
    }

    /// Whether it was opened for what `needs` asks for.
    ///
    /// # Errors
    /// [`DeviceError::TooSmall`] with the limit, need and have.
    pub fn meets(&self, needs: &Needs) -> Result<(), DeviceError> {
        if needs.f16 && !self.raw.features().contains(wgpu::Features::SHADER_F16) {
            return Err(DeviceError::Open {
                adapter: self.adapter.to_string(),
                message: "it is open already, and without f16".into(),
            });
        }
        needs.limits(&format!("the open device on {}", self.adapter), &self.raw.limits()).map(drop)
    }

    /// The adapter that it was opened on.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Bytes of the largest slice that a kernel may see.
    pub fn max_binding(&self) -> u64 {
        self.raw.limits().max_storage_buffer_binding_size
    }

    /// A buffer of zeros with room for `len` numbers.
    ///
    /// # Errors
    /// [`DeviceError::OutOfMemory`], or [`DeviceError::Refused`] for a size beyond the limits.
    pub fn zeros(&self, label: &str, element: Element, len: usize) -> Result<Buffer, DeviceError> {
        self.allocate(label, element, len as u64 * 4, None)
    }

    /// A buffer that holds `bytes`, whose length is a multiple of 4.
    ///
    /// # Errors
    /// As [`Device::zeros`].
    pub fn upload(&self, label: &str, element: Element, bytes: &[u8]) -> Result<Buffer, DeviceError> {
        self.allocate(label, element, bytes.len() as u64, Some(bytes))
    }

    /// Allocates, and fills while mapped: a failing `write_buffer` would lose the device.
    fn allocate(
        &self,
        label: &str,
        element: Element,
        size: u64,
        bytes: Option<&[u8]>,
    ) -> Result<Buffer, DeviceError> {
        let _locked = self.turn_on_gl();
        let memory = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let raw = self.raw.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: size.max(4),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: bytes.is_some(),
        });
        let refused = wait_for(validation.pop());
        let full = wait_for(memory.pop());
        if let Some(error) = full.or(refused) {
            return Err(DeviceError::OutOfMemory {
                adapter: self.adapter.to_string(),
                label: label.into(),
                bytes: size,
                message: error.to_string(),
            });
        }
        if let Some(bytes) = bytes {
            let mut view = raw.get_mapped_range_mut(..).map_err(|error| self.refused(&error))?;
            view.slice(..bytes.len()).copy_from_slice(bytes);
            drop(view);
            raw.unmap();
        }
        Ok(Buffer::new(raw, label, element, size))
    }

    /// Replaces what a slice holds.
    pub fn write(&self, slice: &Slice, bytes: &[u8]) {
        self.queue.write_buffer(&slice.buffer.raw, slice.offset, bytes);
    }

    /// Waits until everything up to `submission` is done.
    ///
    /// # Errors
    /// [`DeviceError::Lost`] where the device went away or hangs, [`DeviceError::Refused`] where a
    /// command was not accepted.
    pub fn wait(&self, submission: &Submission) -> Result<(), DeviceError> {
        let start = Instant::now();
        while !self.look(submission, LOOK)? {
            if start.elapsed() >= HANG {
                return Err(self.lost(format!("no answer for {} s", HANG.as_secs())));
            }
        }
        Ok(())
    }

    /// For what takes long on GL, where all threads share a context: wgpu-hal panics in one that has waited for it for
    /// a second (on Windows) or six.
    pub(super) fn turn_on_gl(&self) -> Option<MutexGuard<'_, ()>> {
        (self.adapter.backend() == GraphicsApi::Gl.name()).then(|| self.locked())
    }

    /// Whether everything up to `submission` is done.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub fn is_done(&self, submission: &Submission) -> Result<bool, DeviceError> {
        self.look(submission, Duration::ZERO)
    }

    /// Waits for `timeout` at most; says whether `submission` is done.
    fn look(&self, submission: &Submission, timeout: Duration) -> Result<bool, DeviceError> {
        self.check()?;
        let look =
            wgpu::PollType::Wait { submission_index: Some(submission.0.clone()), timeout: Some(timeout) };
        let _locked = self.locked();
        // `poll` panics where the device is lost.
        match catch_unwind(AssertUnwindSafe(|| self.raw.poll(look))) {
            Ok(Ok(_)) => self.check().map(|()| true),
            Ok(Err(wgpu::PollError::Timeout)) => Ok(false),
            Ok(Err(error)) => Err(self.lost(error.to_string())),
            Err(_) => {
                self.check()?;
                Err(self.lost("the driver stopped while it was waited for".into()))
            }
        }
    }

    /// Waits until no other thread submits or waits.
    pub(super) fn locked(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what is recorded.
    pub(super) fn hand_over(&self, commands: wgpu::CommandEncoder) -> Submission {
        let commands = commands.finish();
        let _locked = self.locked();
        Submission(self.queue.submit([commands]))
    }

    /// Whether nothing has gone wrong so far, outside of any call too: a device with a fault does not recover.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub fn check(&self) -> Result<(), DeviceError> {
        match &*self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(()),
            Some(DeviceFault::Lost(message)) => Err(self.lost(message.clone())),
            Some(DeviceFault::Refused(message)) => {
                Err(DeviceError::Refused { adapter: self.adapter.to_string(), message: message.clone() })
            }
        }
    }

    pub(super) fn lost(&self, message: String) -> DeviceError {
        DeviceError::Lost { adapter: self.adapter.to_string(), message }
    }

    pub(super) fn refused(&self, error: &dyn std::error::Error) -> DeviceError {
        DeviceError::Refused { adapter: self.adapter.to_string(), message: error.to_string() }
    }
}

/// Keeps the first fault. Called inside wgpu's locks: nothing else may happen here.
fn note(fault: &Fault, what: DeviceFault) {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
}
