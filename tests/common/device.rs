//! One device for all tests of a program: opening one takes a driver long, and what a device has compiled it keeps.

use std::sync::{Arc, Mutex, PoisonError};

use shadegrad::gpu::{Device, Needs};

use super::gpu::adapter;

/// The device that all tests share, with what WebGPU guarantees.
pub fn device() -> Arc<Device> {
    static SHARED: Mutex<Option<Arc<Device>>> = Mutex::new(None);
    sound(&mut SHARED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The device of `shared`, or a new one after a fault, which a device keeps: the tests that run on the old one
/// fail, and those after them do not.
pub fn sound(shared: &mut Option<Arc<Device>>) -> Arc<Device> {
    let open = || Device::open(&adapter(), &Needs::default()).unwrap_or_else(|error| panic!("{error}"));
    let device = shared.take().filter(|device| device.check().is_ok());
    shared.insert(device.unwrap_or_else(|| open().into())).clone()
}
