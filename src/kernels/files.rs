//! All texts of all kernels, and the files that they are made of.

use std::collections::BTreeSet;

use super::{COMMON, File, REGISTRY, Source};

/// The texts of all kernels.
pub fn sources() -> impl Iterator<Item = &'static Source> {
    REGISTRY.iter().flat_map(|entry| entry.sources)
}

/// The built-in files, each once, the common part last.
pub fn shader_files() -> impl Iterator<Item = &'static File> {
    let mut seen = BTreeSet::new();
    sources().flat_map(Source::files).chain([&COMMON]).filter(move |file| seen.insert(file.name))
}
