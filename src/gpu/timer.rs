//! How long a dispatch takes, by the device's own clock where it has one.

use super::{Buffer, Device, DeviceError, Dispatch, Element, commands::record};
use crate::clock::{Duration, Instant};

/// Times dispatches on one device.
pub struct Timer {
    queries: Option<Queries>,
}

/// Two timestamps on the device: before a pass and after it.
struct Queries {
    set: wgpu::QuerySet,
    ticks: Buffer,
    /// Nanoseconds of a tick.
    period: f64,
}

/// What two clocks say of the same work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// From handing the work over until it is known to be done.
    pub host: Duration,
    /// From the begin to the end of the pass by the device's timestamps.
    pub device: Option<DeviceTime>,
}

/// Two timestamps of the device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeviceTime {
    /// Ticks at the begin of the pass.
    pub begin: u64,
    /// Ticks at its end.
    pub end: u64,
    /// Nanoseconds of a tick.
    pub period: f64,
}

impl DeviceTime {
    /// Seconds between the two; none where the stamps cannot be right: zero, or not increasing.
    pub fn seconds(&self) -> Option<f64> {
        let ticks = self.end.checked_sub(self.begin).filter(|&ticks| ticks > 0 && self.begin > 0)?;
        let seconds = ticks as f64 * self.period * 1e-9;
        (seconds.is_finite() && seconds > 0.0).then_some(seconds)
    }
}

impl Timer {
    /// Takes timestamps where `device` was opened with them.
    ///
    /// # Errors
    /// Where the device has no room for two of them.
    pub fn new(device: &Device) -> Result<Self, DeviceError> {
        if !device.raw.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return Ok(Timer { queries: None });
        }
        let set = device.raw.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("timestamps"),
            ty: wgpu::QueryType::Timestamp,
            count: 2,
        });
        let size = 2 * u64::from(wgpu::QUERY_SIZE);
        let ticks = device.raw.create_buffer(&wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let ticks = Buffer::new(ticks, "timestamps", Element::U32, size);
        let period = f64::from(device.queue.get_timestamp_period());
        Ok(Timer { queries: Some(Queries { set, ticks, period }) })
    }

    /// Runs `dispatch` `times` over in one pass, and waits for it.
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn read(&self, device: &Device, dispatch: &Dispatch, times: usize) -> Result<Reading, DeviceError> {
        let start = Instant::now();
        let mut encoder = device.raw.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(&dispatch.label),
            timestamp_writes: self.queries.as_ref().map(|queries| wgpu::ComputePassTimestampWrites {
                query_set: &queries.set,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            }),
        });
        for _ in 0..times {
            record(&mut pass, dispatch);
        }
        drop(pass);
        if let Some(queries) = &self.queries {
            encoder.resolve_query_set(&queries.set, 0..2, &queries.ticks.raw, 0);
        }
        device.wait(&device.hand_over(encoder))?;
        let host = start.elapsed();
        let device_time = self.queries.as_ref().map(|queries| queries.resolved(device)).transpose()?;
        Ok(Reading { host, device: device_time })
    }
}

impl Queries {
    /// The two stamps of the last pass.
    fn resolved(&self, device: &Device) -> Result<DeviceTime, DeviceError> {
        let bytes = device.read(&[self.ticks.all()])?;
        let ticks: Vec<u64> = bytemuck::pod_collect_to_vec(&bytes[0]);
        Ok(DeviceTime { begin: ticks[0], end: ticks[1], period: self.period })
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceTime;

    #[test]
    fn stamps_that_cannot_be_right_are_no_time() {
        let seconds = |begin, end, period| DeviceTime { begin, end, period }.seconds();
        assert!(seconds(1_000, 3_000, 0.5).is_some_and(|s| (s - 1e-6).abs() <= 1e-18));
        for (begin, end, period) in
            [(0, 0, 1.0), (0, 5, 1.0), (5, 5, 1.0), (7, 5, 1.0), (5, 7, 0.0), (5, 7, f64::NAN)]
        {
            assert_eq!(seconds(begin, end, period), None, "{begin} to {end} by {period}");
        }
    }
}
