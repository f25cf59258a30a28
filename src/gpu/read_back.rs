//! Bytes on their way from the device to the host.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Command, Device, DeviceError, Slice, Submission, commands::record_into};

/// Copies of some slices, made after the commands of their submission. The queue goes on meanwhile.
pub struct ReadBack {
    /// When this is done, the copies are there.
    pub submission: Submission,
    staging: wgpu::Buffer,
    sizes: Vec<u64>,
    failed: Arc<Mutex<Option<wgpu::BufferAsyncError>>>,
}

impl Device {
    /// Hands `commands` to the device in one submission, after them copies of `slices`, and then what
    /// comes `after`.
    pub fn submit_and_read(&self, commands: &[Command], slices: &[Slice], after: &[Command]) -> ReadBack {
        let sizes: Vec<u64> = slices.iter().map(|slice| slice.size).collect();
        let staging = self.raw.create_buffer(&wgpu::BufferDescriptor {
            label: Some("read-back"),
            size: sizes.iter().sum::<u64>().max(4),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.record(commands, 1);
        let mut end = 0;
        for slice in slices {
            encoder.copy_buffer_to_buffer(&slice.buffer.raw, slice.offset, &staging, end, slice.size);
            end += slice.size;
        }
        record_into(&mut encoder, after, 1);
        let submission = self.hand_over(encoder);
        let failed = Arc::new(Mutex::new(None));
        let noted = failed.clone();
        staging.map_async(wgpu::MapMode::Read, .., move |result| {
            *noted.lock().unwrap_or_else(PoisonError::into_inner) = result.err();
        });
        ReadBack { submission, staging, sizes, failed }
    }

    /// Waits for the copies, and hands out each slice's bytes.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub fn take(&self, read_back: &ReadBack) -> Result<Vec<Vec<u8>>, DeviceError> {
        self.wait(&read_back.submission)?;
        if let Some(error) = read_back.failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(self.lost(error.to_string()));
        }
        let bytes = read_back.staging.get_mapped_range(..).map_err(|error| self.refused(&error))?;
        let mut rest = &bytes[..];
        let take = |&size: &u64| {
            let (head, tail) = rest.split_at(size as usize);
            rest = tail;
            head.to_vec()
        };
        Ok(read_back.sizes.iter().map(take).collect())
    }

    /// Copies slices back to the host, in their order, after everything submitted so far.
    ///
    /// # Errors
    /// As [`Device::wait`].
    pub fn read(&self, slices: &[Slice]) -> Result<Vec<Vec<u8>>, DeviceError> {
        self.take(&self.submit_and_read(&[], slices, &[]))
    }
}
