//! The binary on a machine without a driver.

use assert_cmd::Command;

use super::common::shadegrad;

/// What hides every driver from Linux's loaders.
const VARIABLES: [&str; 3] = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "__EGL_VENDOR_LIBRARY_FILENAMES"];

/// The binary where no driver is found, and none is asked for.
pub fn without_driver(args: &[&str]) -> Command {
    let mut command = shadegrad(args);
    command.env_remove("WGPU_BACKEND").env_remove("WGPU_ADAPTER_NAME");
    command.envs(VARIABLES.map(|variable| (variable, "/nonexistent")));
    command
}
