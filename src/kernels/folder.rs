//! The files of a folder of shaders: which of them are read, and what a text must be.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::files::shader_files;
use crate::{gpu::ShaderError, paths::not_a_file, visible::shown};

/// The folder of the files for other devices, in `shaders/` and in that of `--shaders`.
pub const VARIANTS: &str = "variants";
/// Most bytes of a file; the largest of ours has a hundredth of it.
const MAX_BYTES: u64 = 1 << 20;
/// What a compiled export starts with. Such a text has in it what would be appended to it.
pub const COMPILED: &str =
    "// What the driver gets: unrolled, with the common part and the sizes in it. It is there to be read:";

/// The text of a file, and where it came from.
pub struct Text {
    pub path: String,
    pub text: String,
}

/// A file of shaders as somebody has edited it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShaderText {
    /// `relu` for `relu.wgsl`.
    pub name: String,
    /// Where it came from.
    pub path: String,
    /// The WGSL.
    pub text: String,
}

/// The `.wgsl` files of a folder and of its `variants/`, by name. Any file may be in either.
pub fn read_folder(folder: &Path) -> Result<BTreeMap<&'static str, Text>, ShaderError> {
    let no_folder = |message: String| ShaderError::Folder { path: folder.to_owned(), message };
    let mut texts = BTreeMap::new();
    for path in all_files(folder).map_err(|error| no_folder(error.to_string()))? {
        let (name, text) = read_file(&path)?;
        if let Some(Text { path: other, .. }) = texts.insert(name, text) {
            return Err(refused(&path, format!("is the same file as {other}: one of the two must go")));
        }
    }
    if texts.is_empty() {
        return Err(no_folder("no .wgsl files here".into()));
    }
    Ok(texts)
}

/// The texts of a folder and of its `variants/`, one by one; or why one cannot be read.
///
/// # Errors
/// If the folder cannot be read.
pub fn read_each(folder: &Path) -> io::Result<Vec<(PathBuf, Result<ShaderText, ShaderError>)>> {
    let read = |path: PathBuf| {
        let text =
            read_file(&path).map(|(name, Text { path, text })| ShaderText { name: name.into(), path, text });
        (path, text)
    };
    Ok(all_files(folder)?.into_iter().map(read).collect())
}

fn all_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = wgsl_files(folder)?;
    let variants = folder.join(VARIANTS);
    if variants.is_dir() {
        paths.extend(wgsl_files(&variants)?);
    }
    Ok(paths)
}

/// The files that end in `.wgsl`. Editors put a dot before the names of their locks and copies, or something after
/// the ending: these are left out.
fn wgsl_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|item| Ok(item?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_hidden =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let is_wgsl = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("wgsl"));
    paths.retain(|path| is_wgsl(path) && !is_hidden(path));
    paths.sort();
    Ok(paths)
}

fn read_file(path: &Path) -> Result<(&'static str, Text), ShaderError> {
    let stem = path.file_stem().unwrap_or_default();
    let Some(file) = shader_files().find(|file| OsStr::new(file.name) == stem) else {
        let known: Vec<_> = shader_files().map(|file| file.name).collect();
        return Err(ShaderError::UnknownFile { path: path.to_owned(), known: known.join(", ") });
    };
    let text = text(&bytes(path)?)
        .map_err(|(line, message)| ShaderError::Text { path: format!("{}:{line}", shown(path)), message })?;
    Ok((file.name, Text { path: shown(path).to_string(), text }))
}

/// The bytes of a regular file.
fn bytes(path: &Path) -> Result<Vec<u8>, ShaderError> {
    let found = fs::metadata(path).map_err(|error| failed(path, error))?;
    if let Some(found) = not_a_file(&found) {
        return Err(refused(
            path,
            format!("is {found}, expected a regular file; put the file itself in its place"),
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(path, error))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refused(
            path,
            format!("is larger than {} MiB, the most that a shader may have", MAX_BYTES >> 20),
        ));
    }
    Ok(bytes)
}

/// The text of a file with its lines ended as ours are, or what is wrong, and on which line.
fn text(bytes: &[u8]) -> Result<String, (usize, String)> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err((1, "starts with a byte order mark of UTF-16: save it as UTF-8".into()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        (line, "is not UTF-8: save it as UTF-8".into())
    })?;
    if text.starts_with('\u{feff}') {
        return Err((
            1,
            "starts with a byte order mark, which WGSL does not have: save it as UTF-8 without one".into(),
        ));
    }
    if text.lines().take(2).any(|line| line == COMPILED) {
        return Err((1, "is what `shaders export --compiled` wrote, which has the appended files in it already and cannot be \
            used as a shader: edit a file of `shaders export` instead".into()));
    }
    Ok(text.replace("\r\n", "\n"))
}

fn failed(path: &Path, source: io::Error) -> ShaderError {
    ShaderError::File { path: path.to_owned(), source }
}

fn refused(path: &Path, message: String) -> ShaderError {
    ShaderError::Text { path: shown(path).to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_utf8_without_a_mark() {
        let wrong = |bytes: &[u8]| text(bytes).unwrap_err();
        let (line, message) = wrong(b"// one\n// two \xfcber\n");
        assert_eq!((line, message.as_str()), (2, "is not UTF-8: save it as UTF-8"));
        for bytes in [&b"\xef\xbb\xbffn"[..], b"\xff\xfef\0n\0", b"\xfe\xff\0f\0n"] {
            let (line, message) = wrong(bytes);
            assert!(line == 1 && message.contains("byte order mark"), "{message}");
            assert!(message.contains("save it as UTF-8"), "{message}");
        }
        assert_eq!(text("ä\r\nb\r".as_bytes()).unwrap(), "ä\nb\r");
    }

    #[test]
    fn companions_of_editors_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "relu.wgsl",
            ".#relu.wgsl",
            ".relu.wgsl",
            "._tanh.wgsl",
            "gelu.wgsl~",
            "#silu.wgsl#",
            "sgd.wgsl.orig",
            "adam.wgsl.bak",
            ".adam.wgsl.swp",
        ] {
            fs::write(folder.path().join(name), "fn").unwrap();
        }
        let found = read_folder(folder.path()).unwrap();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["relu"]);
    }

    #[test]
    fn only_regular_files_of_a_sensible_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relu.wgsl");
        let read = || read_folder(folder.path()).map(drop).map_err(|error| error.to_string());
        fs::write(&path, " ".repeat(1 << 20)).unwrap();
        assert_eq!(read(), Ok(()));
        fs::write(&path, " ".repeat((1 << 20) + 1)).unwrap();
        assert!(read().unwrap_err().contains("larger than 1 MiB"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(read().unwrap_err().contains("is a directory, expected a regular file"));
    }
}
