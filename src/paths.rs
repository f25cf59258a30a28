//! What several rooms ask of a path.

use std::{fs::Metadata, path::Path};

/// Where a file is: the parent of a bare name is the empty path.
pub(crate) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How a folder is called where a regular file is expected.
pub(crate) const DIRECTORY: &str = "a directory";

/// What is there where a regular file is expected: anything else may never end, and opening a pipe waits for its
/// other side.
pub(crate) fn not_a_file(found: &Metadata) -> Option<&'static str> {
    match found {
        _ if found.is_file() => None,
        _ if found.is_dir() => Some(DIRECTORY),
        _ => Some("a pipe, a socket or a device"),
    }
}
