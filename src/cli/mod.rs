//! The command line. Plain flags train; everything else is a subcommand.

mod args;
mod bench;
mod check;
mod describe;
mod devices;
mod edited;
mod error;
mod interrupt;
mod notices;
mod options;
mod rescue;
mod save_target;
mod shaders;
mod train;
mod values;
mod waiting;
mod watch;

use clap::Parser;

use crate::report::{Listing, check_output};

pub use args::{Cli, Command, DataArgs, DeviceArgs, NetworkArgs, ShaderArgs, ShadersCommand, TrainArgs};
pub use bench::BenchArgs;
pub use check::CheckArgs;
pub use error::Error;
pub use interrupt::{leave, listen};
pub use values::{Augment, DeviceArg, InitArg};
pub use watch::WatchArgs;

/// The command line of this process; `None` if it asked for help or the version, which is printed.
///
/// # Errors
/// [`Error::CommandLine`], or [`Error::Output`] if help cannot be written.
pub fn parse() -> Result<Option<Cli>, Error> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if error.use_stderr() => Err(Error::CommandLine(error)),
        Err(help) => {
            Listing::default().styled(&help.render())?;
            Ok(None)
        }
    }
}

/// Starts the threads that data, compiling and the CPU engine share: where one is missing, the first use would
/// panic.
fn start_threads() -> Result<(), Error> {
    rayon::ThreadPoolBuilder::new().build_global().map_err(|error| {
        let count = std::thread::available_parallelism().map_or(1, usize::from);
        Error::System(format!("cannot start {count} threads: {error}; RAYON_NUM_THREADS=1 starts one"))
    })
}

/// Does what the command line asks for.
///
/// # Errors
/// Whatever ends the run; [`Error::exit_status`] is the process's.
pub fn run(cli: Cli) -> Result<(), Error> {
    // Not after hours of training.
    check_output()?;
    start_threads()?;
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(args)) => train::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Watch(args)) => watch::run(&args),
        Some(Command::Devices { json }) => devices::run(json),
        Some(Command::Shaders { command }) => shaders::run(&command),
    }
}
