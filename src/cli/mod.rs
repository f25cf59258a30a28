//! The command line. Plain flags train; everything else is a subcommand.

mod args;
mod bench;
mod course;
mod describe;
mod devices;
mod shaders;
mod train;
mod values;
mod wide_vectors;

pub use args::{Cli, Command, TrainArgs};
pub use bench::BenchArgs;
pub use values::{Augment, BatchArg, DecayArg, DeviceArg, Hidden, InitArg, PlanArg};

use crate::Result;

/// Does what the command line asks for.
///
/// # Errors
/// Whatever ends the run; [`crate::Error::exit_status`] is the process's.
pub fn run(cli: Cli) -> Result<()> {
    match cli.command {
        None => train::run(&cli.train),
        Some(Command::Train(args)) => train::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Devices { json }) => devices::run(json),
        Some(Command::Shaders { command }) => shaders::run(&command),
    }
}
