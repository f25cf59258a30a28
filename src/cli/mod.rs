//! The command line. Plain flags train; everything else is a subcommand.

mod args;
mod bench;
mod describe;
mod devices;
mod error;
mod interrupt;
mod options;
mod shaders;
mod train;
mod values;

pub use args::{Cli, Command, DataArgs, DeviceArgs, NetworkArgs, ShaderArgs, ShadersCommand, TrainArgs};
pub use bench::BenchArgs;
pub use error::Error;
pub use values::{Augment, DeviceArg, InitArg};

/// Does what the command line asks for.
///
/// # Errors
/// Whatever ends the run; [`Error::exit_status`] is the process's.
pub fn run(cli: Cli) -> Result<(), Error> {
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(args)) => train::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Devices { json }) => devices::run(json),
        Some(Command::Shaders { command }) => shaders::run(&command),
    }
}
