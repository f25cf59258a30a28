//! Wide vectors for Mesa's software driver: it reads from the environment how many lanes a subgroup has, and
//! takes 8 where nothing is said, whatever the processor.

use std::{env, process::Command};

/// Bits of a vector; the name is Mesa's.
const WIDTH: &str = "LP_NATIVE_VECTOR_WIDTH";

/// Starts this program over, in the same process, with vectors of 512 bits asked for, where the processor has
/// them and nobody asks for other ones. Goes on where that is not to be had: with 8 lanes all is right, and
/// slower.
pub fn start_over_with_wide_vectors() {
    if env::var_os(WIDTH).is_none()
        && has_vectors_of_512_bits()
        && let Ok(program) = env::current_exe()
    {
        start_over(Command::new(program).args(env::args_os().skip(1)).env(WIDTH, "512"));
    }
}

#[cfg(target_arch = "x86_64")]
fn has_vectors_of_512_bits() -> bool {
    // What the driver's compiler needs for integers and masks, too.
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_vectors_of_512_bits() -> bool {
    false
}

/// Returns only where it fails.
#[cfg(unix)]
fn start_over(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    if let Some(name) = env::args_os().next() {
        command.arg0(name);
    }
    let _: std::io::Error = command.exec();
}

/// Other systems cannot, and their software drivers are not Mesa's.
#[cfg(not(unix))]
fn start_over(_: &mut Command) {}
