//! Memory on the device, and the part of it that a kernel sees.

use std::sync::Arc;

use super::Element;

/// Slices that are bound start at a multiple of this many bytes: WebGPU's default alignment, and
/// no adapter asks for more.
pub const ALIGNMENT: u64 = 256;

/// Memory on the device, of one kind of number.
#[derive(Clone)]
pub struct Buffer {
    pub(super) raw: wgpu::Buffer,
    /// Its name in the plan.
    pub label: Arc<str>,
    /// The kind of number in it.
    pub element: Element,
    /// Bytes.
    pub size: u64,
}

/// A range of a buffer's bytes.
#[derive(Clone)]
pub struct Slice {
    /// The buffer.
    pub buffer: Buffer,
    /// First byte; a multiple of [`ALIGNMENT`] if the slice is bound.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

impl Buffer {
    pub(super) fn new(raw: wgpu::Buffer, label: &str, element: Element, size: u64) -> Self {
        Buffer { raw, label: label.into(), element, size }
    }

    /// The whole buffer.
    pub fn all(&self) -> Slice {
        self.slice(0, self.size as usize / 4)
    }

    /// `len` numbers from the number `start` on.
    pub fn slice(&self, start: usize, len: usize) -> Slice {
        let slice = Slice { buffer: self.clone(), offset: start as u64 * 4, size: len as u64 * 4 };
        assert!(slice.offset + slice.size <= self.size, "{}: slice beyond its end", self.label);
        slice
    }
}
