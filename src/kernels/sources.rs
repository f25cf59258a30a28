//! The shaders' texts: the built-in copy, or files from a folder in their place.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{Entry, Interfaces, REGISTRY, Sizes, Source, fused};
use crate::gpu::{Interface, Section, Shader, ShaderError};

/// The file that is appended to every kernel.
pub const COMMON: &str = "common";
const COMMON_SOURCE: &str = include_str!("../../shaders/common.wgsl");

/// The built-in files, the common part last.
pub fn sources() -> impl Iterator<Item = &'static Source> {
    static COMMON_FILE: Source =
        Source { name: COMMON, text: COMMON_SOURCE, runs_on: |_, sizes| Some(*sizes), suits: |_, _| true };
    REGISTRY.iter().flat_map(|entry| entry.sources).chain([&COMMON_FILE])
}

/// Every kernel's shader.
pub struct Shaders {
    texts: BTreeMap<&'static str, Text>,
    common: (String, String),
    /// As parsed so far: what a run does not use is not parsed.
    parsed: Mutex<BTreeMap<String, Arc<Shader>>>,
    /// Files that came from a folder.
    pub from_folder: Vec<&'static str>,
    /// Those of them that differ from the program's.
    pub edited: Vec<&'static str>,
    /// Files that came from the program though a folder was given.
    pub built_in: Vec<&'static str>,
}

/// A file of a kernel.
struct Text {
    entry: &'static Entry,
    path: String,
    source: String,
}

impl Shaders {
    /// Takes the built-in texts, or those in `folder` where it has them, which are parsed at once.
    ///
    /// # Errors
    /// [`ShaderError`]: the folder or a file cannot be read, a `.wgsl` there is no kernel's, or a
    /// text is not valid.
    pub fn load(folder: Option<&Path>) -> Result<Self, ShaderError> {
        let files = folder.map(read_folder).transpose()?.unwrap_or_default();
        let common = match files.get(COMMON) {
            Some((path, text)) => (path.display().to_string(), text.clone()),
            None => ("built-in common.wgsl".to_owned(), COMMON_SOURCE.to_owned()),
        };
        let mut texts = BTreeMap::new();
        for entry in REGISTRY {
            for Source { name, text, .. } in entry.sources {
                let (path, source) = match files.get(name) {
                    Some((path, text)) => (path.display().to_string(), text.clone()),
                    None => (format!("built-in {name}.wgsl"), (*text).to_owned()),
                };
                texts.insert(*name, Text { entry, path, source });
            }
        }
        let (from_folder, built_in): (Vec<_>, _) =
            sources().map(|source| source.name).partition(|name| files.contains_key(name));
        let differs = |source: &&Source| files.get(source.name).is_some_and(|(_, text)| text != source.text);
        let edited = sources().filter(differs).map(|source| source.name).collect();
        let shaders = Shaders { texts, common, parsed: Mutex::default(), from_folder, edited, built_in };
        let own = |name: &&&str| files.contains_key(*name) || files.contains_key(COMMON);
        for name in shaders.texts.keys().filter(own) {
            shaders.get(name, &fused::example(name))?;
        }
        Ok(shaders)
    }

    /// The shader in the file `name`, for a kernel of these sizes.
    ///
    /// # Errors
    /// [`ShaderError`] where the text is not valid with these sizes.
    pub fn get(&self, name: &str, sizes: &Sizes) -> Result<Arc<Shader>, ShaderError> {
        let Text { entry, path, source } = &self.texts[name];
        let constants = entry.constants.map_or_else(Vec::new, |constants| constants(name, sizes));
        let key = format!("{name} {constants:?}");
        let parsed = || self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parsed().get(&key).cloned();
        match known {
            Some(shader) => Ok(shader),
            None => {
                // Not while locked: two may be parsed side by side.
                let (common_path, common) = &self.common;
                let parts = [Section { path: common_path, text: common }];
                let shader = Arc::new(Shader::new(Section { path, text: source }, &constants, &parts)?);
                parsed().insert(key, shader.clone());
                Ok(shader)
            }
        }
    }

    /// All of them by file name; those that need sizes with the sizes of an example.
    ///
    /// # Errors
    /// As [`Shaders::get`].
    pub fn all(&self) -> Result<Vec<(&'static str, Arc<Shader>)>, ShaderError> {
        let example = |name: &&'static str| Ok((*name, self.get(name, &fused::example(name))?));
        self.texts.keys().map(example).collect()
    }
}

impl Interfaces for Shaders {
    fn interface(&self, file: &str, sizes: &Sizes) -> Result<Arc<Interface>, ShaderError> {
        self.get(file, sizes).map(|shader| shader.interface.clone())
    }

    fn edited(&self) -> &[&'static str] {
        &self.edited
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
        Shaders::load(None)?.all()?.iter().map(|(name, shader)| (*name, shader.text.clone())).collect()
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
    let no_folder = |message: String| ShaderError::Folder { path: folder.to_owned(), message };
    let listing = fs::read_dir(folder).map_err(|error| no_folder(error.to_string()))?;
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
        return Err(no_folder("no .wgsl files here".into()));
    }
    Ok(files)
}
