//! The kernels that a list of names means.

use std::collections::BTreeSet;

use super::{COMMON, Entry, Source, kernels_and_sources};

/// The sources that are meant by the name of a kernel, of a source, or of a file, which takes all sources that it is
/// part of. `.wgsl` and a folder before the name do not count.
///
/// # Errors
/// The name that means nothing.
pub fn sources_named(names: &[String]) -> Result<BTreeSet<&'static str>, String> {
    let mut found = BTreeSet::new();
    for name in names {
        let bare = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let bare = bare.strip_suffix(".wgsl").unwrap_or(bare);
        let is_meant = |entry: &Entry, source: &Source| {
            let is_file = source.files().chain([&COMMON]).any(|file| file.name == bare);
            entry.name == bare || source.name == bare || is_file
        };
        let meant: Vec<_> = kernels_and_sources().filter(|(entry, source)| is_meant(entry, source)).collect();
        if meant.is_empty() {
            return Err(name.clone());
        }
        found.extend(meant.into_iter().map(|(_, source)| source.name));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Result<Vec<&'static str>, String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        Ok(sources_named(&names)?.into_iter().collect())
    }

    #[test]
    fn a_kernel_a_source_and_a_file_are_known() {
        assert_eq!(named(&["relu"]).unwrap(), ["relu"]);
        assert_eq!(named(&["matmul"]).unwrap(), ["matmul", "matmul.small_subgroups", "matmul.tiled"]);
        let tiled = ["matmul.tiled", "matmul_pixels.tiled"];
        assert_eq!(named(&["variants/matmul.tiled.wgsl"]).unwrap(), tiled, "a file of two kernels");
        assert_eq!(named(&["fused_gpu"]).unwrap(), ["fused_step.subgroups", "fused_step.workgroup"]);
        assert_eq!(named(&["common.wgsl"]).unwrap().len(), kernels_and_sources().count());
        assert_eq!(named(&["relu", "relu"]).unwrap(), ["relu"]);
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        assert_eq!(named(&["relu", "rellu"]), Err("rellu".to_owned()));
        assert_eq!(named(&[""]), Err(String::new()));
    }
}
