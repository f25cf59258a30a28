//! Whether a run fits the memory of the machine: asked before anything is allocated, as a failing allocation ends
//! the process.

use std::fs;

use super::SessionError;
use crate::{data::Declared, net::Shape};

/// What the program itself, its threads and a driver need besides.
const BASE: u64 = 96 << 20;

/// Bytes of the samples as they are read: a growing vector is copied to one of more than its size.
pub fn of_samples(declared: &Declared) -> u64 {
    let each = (declared.rows * declared.cols) as u64 + 2;
    declared.stored as u64 * each * 3 / 2
}

/// Bytes of the parameters of a network, and of a copy of them.
pub fn of_parameters(shape: &Shape) -> u64 {
    shape.parameters() as u64 * 4 * 2
}

/// Finds out whether `bytes` more of memory can be had.
///
/// # Errors
/// [`SessionError::NoMemory`] with what is needed and what there is.
pub fn check(bytes: u64) -> Result<(), SessionError> {
    let need = bytes + BASE;
    let refused = |have| Err(SessionError::NoMemory { need, have });
    match available() {
        Some(have) if have < need => refused(Some(have)),
        Some(_) => Ok(()),
        // The system is asked by trying.
        None => match usize::try_from(need).map(|need| Vec::<u8>::new().try_reserve_exact(need).is_ok()) {
            Ok(true) => Ok(()),
            _ => refused(None),
        },
    }
}

/// Bytes that this process may still take; `None` where the system does not say.
fn available() -> Option<u64> {
    let kibibytes = |file: &str, name: &str| {
        let text = fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
    };
    let machine = kibibytes("/proc/meminfo", "MemAvailable:")
        .map(|free| free + kibibytes("/proc/meminfo", "SwapFree:").unwrap_or(0));
    let used = kibibytes("/proc/self/status", "VmSize:").unwrap_or(0);
    let process = address_space().map(|limit| limit.saturating_sub(used));
    [machine, process, container()].into_iter().flatten().min()
}

/// The limit of this process's addresses, as `ulimit -v` sets it.
#[cfg(unix)]
fn address_space() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

#[cfg(not(unix))]
fn address_space() -> Option<u64> {
    None
}

/// What the container may still take, where it has a limit. Cached files count as used there, but give way.
fn container() -> Option<u64> {
    let number = |file: &str| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let of = |folder: &str, limit: &str, used: &str, prefix: &str| {
        let (limit, used) = (number(&format!("{folder}/{limit}"))?, number(&format!("{folder}/{used}"))?);
        let stat = fs::read_to_string(format!("{folder}/memory.stat")).unwrap_or_default();
        Some(limit.saturating_sub(used.saturating_sub(cached(&stat, prefix))))
    };
    of("/sys/fs/cgroup", "memory.max", "memory.current", "")
        .or_else(|| of("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"))
}

/// Bytes of cached files, from a container's `memory.stat`.
fn cached(stat: &str, prefix: &str) -> u64 {
    let names = ["inactive_file", "active_file"].map(|name| format!("{prefix}{name} "));
    let bytes =
        |line: &str| names.iter().find_map(|name| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    stat.lines().filter_map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_files_of_a_container_are_counted() {
        let stat = "anon 1\nfile 70\nactive_file 20\ninactive_file 30\ntotal_active_file 4\n";
        assert_eq!((cached(stat, ""), cached(stat, "total_")), (50, 4));
    }
}
