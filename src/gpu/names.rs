//! Names that more than one of a kernel's files declare.

use std::collections::BTreeMap;

use super::{
    ShaderError,
    items::Item,
    part::{HostConstants, Part},
};

/// Fails if two files, or a file and the host, declare the same name.
pub fn check_names(parts: &[Part], declared: &[Vec<Item>], sizes: HostConstants) -> Result<(), ShaderError> {
    let mut known: BTreeMap<&str, (usize, &Item)> = BTreeMap::new();
    for (at, items) in declared.iter().enumerate() {
        for item in items.iter().filter(|item| !item.name.is_empty()) {
            if sizes.iter().any(|(name, _)| *name == item.name) {
                let message = format!("`{}` is already defined by the program: rename yours", item.name);
                return Err(parts[at].error(item.line, &message));
            }
            match known.get(item.name.as_str()) {
                // Within one file naga shows both places.
                Some((other, _)) if *other == at => {}
                Some((other, first)) => {
                    // An edited file gives way to one that is as it was.
                    let (yours, line, theirs) = if parts[*other].built_in && !parts[at].built_in {
                        (at, item.line, *other)
                    } else {
                        (*other, first.line, at)
                    };
                    let file = file_name(parts[theirs].path);
                    let message = format!("`{}` is already defined in {file}: rename yours", item.name);
                    return Err(parts[yours].error(line, &message));
                }
                None => drop(known.insert(&item.name, (at, item))),
            }
        }
    }
    Ok(())
}

/// `common.wgsl` of `built-in common.wgsl` and of `my/shaders/common.wgsl`.
fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\', ' ']).next().unwrap_or(path)
}
