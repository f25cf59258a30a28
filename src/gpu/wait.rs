//! The only place that waits for a future of wgpu: without an async runtime on native systems.

use std::future::Future;

/// What `future` becomes.
pub(super) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
