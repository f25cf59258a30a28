//! The shaders' texts: the built-in copy, or files from a folder in their place.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    COMMON, Entry, File, Interfaces, Sizes, Source,
    files::{kernels_and_sources, shader_files, sources},
    folder::{COMPILED, ShaderText, Text, VARIANTS, read_folder},
    fused,
};
use crate::{
    gpu::{Interface, Part, Shader, ShaderError},
    whole_file,
};

/// Every kernel's shader.
pub struct Shaders {
    texts: BTreeMap<&'static str, Text>,
    /// As parsed so far: what a run does not use is not parsed.
    parsed: Mutex<BTreeMap<String, Arc<Shader>>>,
    edited: BTreeSet<&'static str>,
    /// Files that came from a folder.
    pub from_folder: Vec<&'static str>,
}

impl Shaders {
    /// Takes the built-in texts, or those in `folder` and its `variants/` if they are there, which are
    /// parsed at once.
    ///
    /// # Errors
    /// [`ShaderError`]: the folder or a file cannot be read, a `.wgsl` there is no kernel's, or a
    /// text is not valid.
    pub fn load(folder: Option<&Path>) -> Result<Self, ShaderError> {
        let texts = folder.map(read_folder).transpose()?.unwrap_or_default();
        let shaders = Shaders::of(texts);
        for source in sources().filter(|source| shaders.is_from_folder(source)) {
            shaders.get(source.name, &fused::example(source.name))?;
        }
        Ok(shaders)
    }

    /// The built-in texts, with these in the place of those of their names. They are parsed as they are asked for.
    ///
    /// # Errors
    /// [`ShaderError::UnknownFile`] for a name that no file has.
    pub fn with(texts: &[ShaderText]) -> Result<Self, ShaderError> {
        let mut known = BTreeMap::new();
        for ShaderText { name, path, text } in texts {
            let names = || shader_files().map(|file| file.name).collect::<Vec<_>>().join(", ");
            let file = shader_files()
                .find(|file| file.name == name)
                .ok_or_else(|| ShaderError::UnknownFile { path: path.into(), known: names() })?;
            known.insert(file.name, Text { path: path.clone(), text: text.clone() });
        }
        Ok(Shaders::of(known))
    }

    fn of(mut texts: BTreeMap<&'static str, Text>) -> Self {
        let differs = |file: &File| {
            texts.get(file.name).is_some_and(|found| found.text != file.text.replace("\r\n", "\n"))
        };
        let edited = shader_files().filter(|file| differs(file)).map(|file| file.name).collect();
        let from_folder = texts.keys().copied().collect();
        for file in shader_files() {
            texts.entry(file.name).or_insert_with(|| Text {
                path: format!("built-in {}{}.wgsl", file.folder, file.name),
                text: file.text.to_owned(),
            });
        }
        Shaders { texts, parsed: Mutex::default(), edited, from_folder }
    }

    /// Whether a text differs from the built-in one.
    pub fn has_edits(&self) -> bool {
        !self.edited.is_empty()
    }

    fn is_from_folder(&self, source: &Source) -> bool {
        source.files().chain([&COMMON]).any(|file| self.from_folder.contains(&file.name))
    }

    /// The shader `name`, which is that of a [`Source`], for a kernel of these sizes.
    ///
    /// # Errors
    /// [`ShaderError`] if there is no such shader, or its text is not valid with these sizes.
    pub fn get(&self, name: &str, sizes: &Sizes) -> Result<Arc<Shader>, ShaderError> {
        let (entry, source) = find(name)?;
        let constants = entry.constants.map_or_else(Vec::new, |constants| constants(name, sizes));
        let key = format!("{name} {constants:?}");
        let parsed = || self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed().get(&key).cloned() {
            return Ok(known);
        }
        // Not while locked: two may be parsed side by side.
        let parts: Vec<Part> = source.files().chain([&COMMON]).map(|file| self.part(file)).collect();
        let shader = Arc::new(Shader::new(&self.path(source), &parts, &constants)?);
        parsed().insert(key, shader.clone());
        Ok(shader)
    }

    fn part(&self, file: &File) -> Part<'_> {
        let Text { path, text } = &self.texts[file.name];
        Part { path, text, built_in: !self.edited.contains(file.name) }
    }

    /// `variants/matmul.tiled.wgsl + x_u8.wgsl`: what makes one of several kernels that share a file.
    fn path(&self, source: &Source) -> String {
        let parts = source.parts.iter().map(|part| format!(" + {}.wgsl", part.name));
        [self.part(source.file).path.to_owned()].into_iter().chain(parts).collect()
    }

    /// All of them by name; those that need sizes with the sizes of an example.
    ///
    /// # Errors
    /// As [`Shaders::get`].
    pub fn all(&self) -> Result<Vec<(&'static str, Arc<Shader>)>, ShaderError> {
        let example =
            |source: &Source| Ok((source.name, self.get(source.name, &fused::example(source.name))?));
        sources().map(example).collect()
    }
}

impl Interfaces for Shaders {
    fn interface(&self, name: &str, sizes: &Sizes) -> Result<Arc<Interface>, ShaderError> {
        self.get(name, sizes).map(|shader| shader.interface.clone())
    }

    fn edited_files(&self) -> Vec<&'static str> {
        self.edited.iter().copied().collect()
    }
}

fn find(name: &str) -> Result<(&'static Entry, &'static Source), ShaderError> {
    let known = || sources().map(|source| source.name).collect::<Vec<_>>().join(", ");
    kernels_and_sources()
        .find(|(_, source)| source.name == name)
        .ok_or_else(|| ShaderError::UnknownFile { path: name.into(), known: known() })
}

/// Writes the editable files into `folder` and its `variants/`, or with `compiled` what the driver
/// really gets. A file that is there and differs is left alone.
///
/// # Errors
/// [`ShaderError::File`] if a folder cannot be made or a file not written.
pub fn export(folder: &Path, compiled: bool) -> Result<Vec<PathBuf>, ShaderError> {
    let texts = if compiled { compiled_texts()? } else { file_texts() };
    let files: Vec<(PathBuf, String)> =
        texts.into_iter().map(|(path, text)| (folder.join(path), text)).collect();
    let mut missing = Vec::new();
    for (path, text) in &files {
        match fs::read(path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => {
                return Err(refused(
                    path,
                    io::ErrorKind::AlreadyExists,
                    "exists and differs; move your edits away or export into another folder",
                ));
            }
            // NotADirectory: a folder of it is a file, which making the folder reports.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                missing.push((path, text));
            }
            Err(error) => return Err(failed(path, error)),
        }
    }
    for folder in [folder.to_owned(), folder.join(VARIANTS)] {
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
    }
    for (path, text) in missing {
        let content = |writer: &mut io::BufWriter<&fs::File>| writer.write_all(text.as_bytes());
        whole_file::write(path, None, content).map_err(|error| failed(path, error))?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

fn file_texts() -> Vec<(String, String)> {
    let text = |file: &File| (format!("{}{}.wgsl", file.folder, file.name), file.text.to_owned());
    shader_files().map(text).collect()
}

/// The second line of a compiled export.
const EDITABLE: &str = "`shadegrad shaders export DIR` writes the files to edit.";

fn compiled_texts() -> Result<Vec<(String, String)>, ShaderError> {
    let shaders = Shaders::load(None)?;
    let text = |source: &Source| {
        let shader = shaders.get(source.name, &fused::example(source.name))?;
        let text = shader.standard_text();
        // A directive comes first.
        let (enable, rest) = text.split_at(if text.starts_with("enable ") {
            text.find('\n').map_or(0, |end| end + 1)
        } else {
            0
        });
        Ok((
            format!("{}{}.wgsl", source.file.folder, source.name),
            format!("{enable}{COMPILED}\n// {EDITABLE}\n{rest}"),
        ))
    };
    sources().map(text).collect()
}

fn failed(path: &Path, source: io::Error) -> ShaderError {
    ShaderError::File { path: path.to_owned(), source }
}

fn refused(path: &Path, kind: io::ErrorKind, message: &str) -> ShaderError {
    failed(path, io::Error::new(kind, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{super::REGISTRY, *};

    fn write(folder: &Path, name: &str, change: impl Fn(&str) -> String) {
        let file = shader_files().find(|file| name.ends_with(&format!("{}.wgsl", file.name))).unwrap();
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), change(file.text)).unwrap();
    }

    #[test]
    fn every_kernel_and_every_text_has_a_name_of_its_own() {
        let kernels = REGISTRY.iter().map(|entry| entry.name);
        let texts = sources().map(|source| source.name);
        for mut names in [kernels.collect::<Vec<_>>(), texts.collect()] {
            names.sort_unstable();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "registered twice: {twice:?}");
        }
    }

    #[test]
    fn an_export_mirrors_the_folders_and_is_read_back_as_the_built_in_texts() {
        let folder = tempfile::tempdir().unwrap();
        let written = export(folder.path(), false).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
        for path in &written {
            let ours = source.join(path.strip_prefix(folder.path()).unwrap());
            assert_eq!(fs::read(path).unwrap(), fs::read(&ours).unwrap(), "{}", ours.display());
        }
        let shaders = Shaders::load(Some(folder.path())).unwrap();
        assert_eq!(shaders.from_folder.len(), written.len());
        assert_eq!(shaders.edited_files(), [""; 0]);
        for path in &written {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replace('\n', "\r\n")).unwrap();
        }
        let shaders = Shaders::load(Some(folder.path())).unwrap();
        assert_eq!(shaders.edited_files(), [""; 0], "the ends of lines are no edit");
    }

    #[test]
    fn a_flat_folder_does_as_well_and_a_file_in_both_places_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "matmul.tiled.wgsl", str::to_owned);
        assert_eq!(Shaders::load(Some(folder.path())).unwrap().from_folder, ["matmul.tiled"]);
        write(folder.path(), "variants/matmul.tiled.wgsl", str::to_owned);
        let error = Shaders::load(Some(folder.path())).map(|_| ()).unwrap_err().to_string();
        for path in ["matmul.tiled.wgsl", "variants/matmul.tiled.wgsl"] {
            let path = folder.path().join(path).display().to_string();
            assert!(error.contains(&path), "{path} is not in {error}");
        }
    }

    #[test]
    fn folders_other_than_variants_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "relu.wgsl", str::to_owned);
        write(folder.path(), "old/tanh.wgsl", str::to_owned);
        write(folder.path(), "variants/old/gelu.wgsl", str::to_owned);
        assert_eq!(Shaders::load(Some(folder.path())).unwrap().from_folder, ["relu"]);
    }
}
