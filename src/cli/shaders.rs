//! `shadegrad shaders`: the kernels' sources, to read and to edit.

use super::{Error, ShadersCommand};
use crate::{
    kernels::{REGISTRY, Shaders, export, fused},
    report::Listing,
    visible::shown,
};

/// Lists the kernels or writes their sources.
///
/// # Errors
/// Where a file cannot be written.
pub fn run(command: &ShadersCommand) -> Result<(), Error> {
    let mut listing = Listing::default();
    match command {
        ShadersCommand::List => {
            let shaders = Shaders::load(None)?;
            for source in REGISTRY.iter().flat_map(|entry| entry.sources) {
                listing.line(source.name)?;
                for binding in &shaders.get(source.name, &fused::example(source.name))?.interface.bindings {
                    let element = binding.element.map_or("structure".into(), |element| element.to_string());
                    let access = if binding.writable { "read_write" } else { "read" };
                    let texture = if binding.texture { ", texture" } else { "" };
                    listing.item(&binding.name, &format!("{element}, {access}{texture}"))?;
                }
            }
        }
        ShadersCommand::Export { dir, compiled } => {
            for path in export(dir, *compiled)? {
                listing.line(&shown(&path).to_string())?;
            }
        }
    }
    Ok(())
}
