//! Standard output as a place to write to, and what may be written there.

use std::io;

/// Finds out whether standard output takes results, without writing any: a training is not to be lost for it. A
/// closed pipe is found when something is written.
///
/// # Errors
/// The system's reason.
#[cfg(unix)]
pub fn check_output() -> io::Result<()> {
    use std::{fs::File, io::Write, os::fd::AsFd};

    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Devices such as /dev/full refuse even nothing.
    let _ = output.write(&[])?;
    if output.metadata()?.is_file() {
        let system = rustix::fs::fstatvfs(&output)?;
        let free = if rustix::process::geteuid().is_root() { system.f_bfree } else { system.f_bavail };
        // Some systems count no blocks at all.
        if system.f_blocks > 0 && free == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
    }
    Ok(())
}

/// The same, where nothing can be found out.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn check_output() -> io::Result<()> {
    Ok(())
}
