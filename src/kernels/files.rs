//! All texts of all kernels, and the files that they are made of.

use std::collections::BTreeSet;

use super::{COMMON, Entry, File, REGISTRY, Source};

/// The texts of all kernels.
pub fn sources() -> impl Iterator<Item = &'static Source> {
    kernels_and_sources().map(|(_, source)| source)
}

/// The same, each with its kernel.
pub fn kernels_and_sources() -> impl Iterator<Item = (&'static Entry, &'static Source)> {
    REGISTRY.iter().flat_map(|entry| entry.sources.iter().map(move |source| (entry, source)))
}

/// The built-in files, each once, the common part last.
pub fn shader_files() -> impl Iterator<Item = &'static File> {
    let mut seen = BTreeSet::new();
    sources().flat_map(Source::files).chain([&COMMON]).filter(move |file| seen.insert(file.name))
}
