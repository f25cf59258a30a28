//! Every registered kernel against its CPU twin, on the adapter of this machine: a test for each entry of the
//! registry, which reads `shaders/` as it is now. Without an adapter they fail and say what to install.

#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/not_run.rs"]
mod not_run;
#[path = "common/trials.rs"]
mod trials;

use std::{path::Path, process::ExitCode, sync::OnceLock};

use libtest_mimic::{Failed, Trial};
use shadegrad::{
    gpu::{Adapter, Device},
    kernels::{Checker, Depth, DeviceProfile, Entry, REGISTRY, Shaders, needs_of_edited},
};

fn main() -> ExitCode {
    let checks = REGISTRY.iter().map(|entry| Trial::test(entry.name, || every_source(entry)));
    let shapes =
        REGISTRY.iter().map(|entry| Trial::test(format!("shapes_of_{}", entry.name), || shapes(entry)));
    trials::run(checks.chain(shapes).collect())
}

/// The device of all tests, with the shaders that it runs.
fn device() -> Result<&'static (Device, Shaders), Failed> {
    static DEVICE: OnceLock<Result<(Device, Shaders), String>> = OnceLock::new();
    let open = || {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
        let shaders = Shaders::load(Some(&folder)).map_err(|error| error.to_string())?;
        let adapter = gpu::adapter();
        let device = Device::open(&adapter, &needs_of_edited(&adapter, &shaders));
        Ok((device.map_err(|error| error.to_string())?, shaders))
    };
    DEVICE.get_or_init(open).as_ref().map_err(Failed::from)
}

/// Checks every source of a kernel, at every shape and in every way that this adapter can run it, and
/// reports what it cannot.
fn every_source(entry: &'static Entry) -> Result<(), Failed> {
    let (device, shaders) = device()?;
    let adapter: &Adapter = device.adapter();
    let checker = Checker::new(device, shaders, DeviceProfile::every(adapter))?;
    let mut checked = 0;
    for check in checker.kernel(entry, Depth::Thorough, |_| true)? {
        let name = check.source.name;
        if let Some(why) = check.not_checked() {
            not_run::not_run(&format!("{name}: it {why}"));
        } else if !check.not_served.is_empty() {
            not_run::not_run(&format!(
                "{name} at {} shapes, which it does not serve",
                check.not_served.len()
            ));
        }
        checked += check.cases;
        check.outcome.map_err(|error| format!("{name}: {error}"))?;
    }
    if checked == 0 { Err(format!("no source of {} runs on {adapter}", entry.name).into()) } else { Ok(()) }
}

/// The tiny shapes stay tiny, and there are enough of the others.
fn shapes(entry: &'static Entry) -> Result<(), Failed> {
    let thorough = (entry.shapes.thorough)().len();
    if thorough < 12 {
        return Err(format!("{} has only {thorough} shapes", entry.name).into());
    }
    for s in (entry.shapes.tiny)() {
        let steps = s.m.max(1) * s.k.max(1) * s.n.max(1);
        let most = if s.m > 65_535 { 5_000_000 } else { 3_000_000 };
        if entry.flops.is_some() && steps > most {
            return Err(
                format!("{}: {steps} multiply-adds at {s}, expected {most} at most", entry.name).into()
            );
        }
    }
    Ok(())
}
