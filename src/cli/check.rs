//! `shadegrad check`: every kernel against its CPU twin on this device, then a small network.

use std::path::PathBuf;

use clap::{Args, builder::PathBufValueParser};

use super::{DeviceArgs, Error, describe, edited, values};
use crate::{
    gpu::choose,
    kernels::{Depth, Shaders},
    lab::{self, Check},
    report,
    session::graphics_apis,
};

/// What to check.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    device: DeviceArgs,
    /// Folder of edited shaders; files that it lacks are the built-in ones
    #[arg(long, value_name = "DIR", value_parser = PathBufValueParser::new(), help_heading = "Shaders")]
    shaders: Option<PathBuf>,
    /// Only these: a kernel, one of its texts (matmul.tiled), or a file, which means all kernels that it is
    /// part of (x_u8, common)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = "Shaders")]
    kernel: Vec<String>,
    /// At all sizes of the tests, not only at the few that reach every part of a kernel and a usual one
    #[arg(long, help_heading = "Shaders")]
    thorough: bool,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
}

/// Checks and reports.
///
/// # Errors
/// The first thing that is wrong with flags, shaders or device; in the end [`Error::Wrong`] if something is wrong, or
/// [`Error::Shader`] if a shader was refused.
pub fn run(args: &CheckArgs) -> Result<(), Error> {
    let wanted = values::gpu("check", args.device.device.as_ref())?;
    let apis = graphics_apis(args.device.backend)?;
    let only = if args.kernel.is_empty() { None } else { Some(values::kernels("--kernel", &args.kernel)?) };
    let shaders = Shaders::load(args.shaders.as_deref())?;
    let adapter = choose(&wanted, &apis)?;
    edited::announce(args.shaders.as_deref(), &shaders);
    let depth = if args.thorough { Depth::Thorough } else { Depth::Usual };
    let mut observer = report::check(args.json, describe::gpu_line(&adapter), depth)?;
    let check = Check { adapter: &adapter, shaders: &shaders, depth, only };
    let end = lab::run(&check, observer.as_mut())?;
    if end.compared == 0 {
        let reasons: Vec<_> = end.not_checked.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        return Err(Error::Usage(format!("nothing could be checked on this device: {}", reasons.join("; "))));
    }
    match (&end.wrong[..], end.first_refusal) {
        ([], None) => Ok(()),
        ([], Some(error)) => Err(error.into()),
        (wrong, _) => {
            Err(Error::Wrong(format!("{} of {} are wrong: {}", wrong.len(), end.compared, wrong.join(", "))))
        }
    }
}
