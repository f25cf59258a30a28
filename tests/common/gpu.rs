//! The adapter that the suite runs on.

use shadegrad::{
    gpu::{Adapter, Wanted, choose},
    session::{adapter_of_environment, graphics_apis},
};

/// The best adapter, or the one that WGPU_BACKEND and WGPU_ADAPTER_NAME ask for, as in the program. Fails with the
/// remedy where there is none.
pub fn adapter() -> Adapter {
    let apis = graphics_apis(None).unwrap_or_else(|error| panic!("{error}"));
    let wanted = adapter_of_environment().unwrap_or(Wanted::Best);
    choose(&wanted, &apis).unwrap_or_else(|error| panic!("{error}"))
}
