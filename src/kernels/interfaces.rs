//! What a plan needs to know of the shaders.

use std::sync::Arc;

use super::{COMMON, Sizes, Source};
use crate::gpu::{Interface, ShaderError};

/// The interfaces of the shaders, read as they are asked for.
pub trait Interfaces {
    /// The interface of a [`Source`], whose array lengths may need sizes.
    ///
    /// # Errors
    /// [`ShaderError`] if the text is not valid with these sizes.
    fn interface(&self, name: &str, sizes: &Sizes) -> Result<Arc<Interface>, ShaderError>;

    /// The files that differ from those of the program.
    fn edited_files(&self) -> Vec<&'static str>;

    /// Whether a source differs from the program's, in its file or a part. `common.wgsl` does not count: all
    /// kernels have it.
    fn is_edited(&self, source: &Source) -> bool {
        let edited = self.edited_files();
        source.files().any(|file| edited.contains(&file.name))
    }

    /// The same, and `common.wgsl` counts.
    fn is_edited_anywhere(&self, source: &Source) -> bool {
        self.is_edited(source) || self.edited_files().contains(&COMMON.name)
    }

    /// The edited files that none of these sources has.
    fn edited_outside(&self, sources: &[&'static Source]) -> Vec<&'static str> {
        let is_in = |name: &str| sources.iter().any(|source| source.files().any(|file| file.name == name));
        self.edited_files().into_iter().filter(|name| *name != COMMON.name && !is_in(name)).collect()
    }
}
