//! `shadegrad watch`: a line after every save of an edited kernel.

use std::{env, io, path::PathBuf, process};

use clap::{Args, builder::PathBufValueParser};

use super::{DeviceArgs, Error, describe, values};
use crate::{
    gpu::choose,
    lab::watch::{Helper, Watch, serve},
    report,
    session::graphics_apis,
};

/// What to watch.
#[derive(Debug, Clone, Args)]
pub struct WatchArgs {
    /// Folder of edited shaders, and its variants/; files that it lacks are the built-in ones
    #[arg(value_name = "DIR", value_parser = PathBufValueParser::new())]
    folder: PathBuf,
    #[command(flatten)]
    device: DeviceArgs,
    /// Look at the folder again and again, where the system reports no changes (network drives)
    #[arg(long, help_heading = "Shaders")]
    poll: bool,
    /// One JSON object a line on standard output
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Be the helper process, which checks and times
    #[arg(long, hide = true)]
    helper: bool,
}

/// Watches until it is interrupted.
///
/// # Errors
/// The first thing that is wrong with flags, folder or device.
pub fn run(args: &WatchArgs) -> Result<(), Error> {
    let wanted = values::gpu("watch", args.device.device.as_ref())?;
    let apis = graphics_apis(args.device.backend)?;
    if args.helper {
        return Ok(serve(&choose(&wanted, &apis)?, io::BufReader::new(io::stdin()), io::stdout())?);
    }
    let mut watch = Watch::open(&args.folder, args.poll, helper()?)?;
    let adapter = choose(&wanted, &apis)?;
    let mut observer = report::watch(args.json, describe::gpu_line(&adapter), &args.folder)?;
    Ok(watch.run(observer.as_mut())?)
}

/// This program once more, with the same flags.
fn helper() -> Result<Helper, Error> {
    let this = env::current_exe()
        .map_err(|error| Error::System(format!("cannot find this program to start it again: {error}")))?;
    let mut command = process::Command::new(this);
    // After the subcommand: what follows `--` is no flag.
    let mut args = env::args_os().skip(1);
    command.args(args.next()).arg("--helper").args(args);
    Ok(Helper::new(command))
}
