//! The shaders' texts: the built-in copy, or files from a folder in their place.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::REGISTRY;
use crate::gpu::{Shader, ShaderError};

/// The file that is appended to every kernel.
pub const COMMON: &str = "common";
const COMMON_SOURCE: &str = include_str!("../../shaders/common.wgsl");

/// A text and its file name without `.wgsl`.
pub struct Source {
    /// `relu` for `relu.wgsl`.
    pub name: &'static str,
    /// The WGSL.
    pub text: &'static str,
}

/// The built-in files, the common part last.
pub fn sources() -> impl Iterator<Item = Source> {
    let kernels = REGISTRY.iter().map(|entry| Source { name: entry.name, text: entry.source });
    kernels.chain([Source { name: COMMON, text: COMMON_SOURCE }])
}

/// Every kernel's shader, parsed and validated.
pub struct Shaders {
    by_name: BTreeMap<&'static str, Shader>,
    /// Files that came from a folder.
    pub from_folder: Vec<&'static str>,
    /// Files that came from the program though a folder was given.
    pub built_in: Vec<&'static str>,
}

impl Shaders {
    /// Takes the built-in texts, or those in `folder` where it has them.
    ///
    /// # Errors
    /// [`ShaderError`]: the folder or a file cannot be read, a `.wgsl` there is no kernel's, or a
    /// text is not valid.
    pub fn load(folder: Option<&Path>) -> Result<Self, ShaderError> {
        let edited = folder.map(read_folder).transpose()?.unwrap_or_default();
        let common = edited.get(COMMON).map_or(COMMON_SOURCE, |(_, text)| text);
        let mut by_name = BTreeMap::new();
        for entry in REGISTRY {
            let shader = match edited.get(entry.name) {
                Some((path, text)) => Shader::new(&path.display().to_string(), text, common)?,
                None => Shader::new(&format!("built-in {}.wgsl", entry.name), entry.source, common)?,
            };
            by_name.insert(entry.name, shader);
        }
        let (from_folder, built_in) =
            sources().map(|source| source.name).partition(|name| edited.contains_key(name));
        Ok(Shaders { by_name, from_folder, built_in })
    }

    /// The shader of a registered kernel.
    pub fn get(&self, name: &str) -> &Shader {
        &self.by_name[name]
    }

    /// All of them with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Shader)> {
        self.by_name.iter().map(|(name, shader)| (*name, shader))
    }
}

/// Writes the editable sources into `folder`, or with `compiled` what the driver really gets; a
/// file that is there and differs is left alone.
///
/// # Errors
/// [`ShaderError::File`] where the folder cannot be made or a file not written.
pub fn export(folder: &Path, compiled: bool) -> Result<Vec<PathBuf>, ShaderError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ShaderError::File { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let texts: Vec<(&str, String)> = if compiled {
        Shaders::load(None)?.iter().map(|(name, shader)| (name, shader.text.clone())).collect()
    } else {
        sources().map(|source| (source.name, source.text.to_owned())).collect()
    };
    let files: Vec<_> =
        texts.iter().map(|(name, text)| (folder.join(format!("{name}.wgsl")), text)).collect();
    for (path, text) in &files {
        if fs::read(path).is_ok_and(|there| there != text.as_bytes()) {
            let told = io::Error::new(
                io::ErrorKind::AlreadyExists,
                "exists and differs; move your edits away or export into another folder",
            );
            return Err(failed(path)(told));
        }
    }
    for (path, text) in &files {
        fs::write(path, text).map_err(failed(path))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The `.wgsl` files of a folder by name, with their paths.
fn read_folder(folder: &Path) -> Result<BTreeMap<&'static str, (PathBuf, String)>, ShaderError> {
    let failed = |path: &Path, source| ShaderError::File { path: path.to_owned(), source };
    let mut files = BTreeMap::new();
    let listing = fs::read_dir(folder).map_err(|error| {
        let told = format!("{error}; --shaders takes a folder, `shadegrad shaders export DIR` writes one");
        failed(folder, io::Error::new(error.kind(), told))
    })?;
    for item in listing {
        let path = item.map_err(|error| failed(folder, error))?.path();
        if path.extension().is_none_or(|extension| extension != "wgsl") {
            continue;
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Some(source) = sources().find(|source| source.name == stem) else {
            let known: Vec<_> = sources().map(|source| source.name).collect();
            return Err(ShaderError::UnknownFile { path, known: known.join(", ") });
        };
        let text = fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
        files.insert(source.name, (path, text));
    }
    if files.is_empty() {
        let told = io::Error::new(
            io::ErrorKind::NotFound,
            "no .wgsl files here; `shadegrad shaders export DIR` writes the sources to edit",
        );
        return Err(failed(folder, told));
    }
    Ok(files)
}
