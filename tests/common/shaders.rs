//! Folders of shaders for `--shaders`.

use std::fs;

use shadegrad::kernels::{File, shader_files};
use tempfile::TempDir;

/// The path of a file in a folder of shaders.
fn name(file: &File) -> String {
    format!("{}{}.wgsl", file.folder, file.name)
}

/// The text of a built-in file.
pub fn text(file: &str) -> &'static str {
    let found = shader_files().find(|known| name(known) == file);
    found.unwrap_or_else(|| panic!("no shader is called {file}")).text
}

/// A folder with all files as `shaders export` writes them, but without its care for a power cut, which takes long.
pub fn exported() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("variants")).expect("a folder");
    for file in shader_files() {
        fs::write(folder.path().join(name(file)), file.text).expect("a shader is written");
    }
    folder
}

/// The same with some of them edited: file, from, to.
pub fn edited(edits: &[(&str, &str, &str)]) -> TempDir {
    let folder = exported();
    for (file, from, to) in edits {
        assert!(text(file).contains(from), "{file} has no `{from}`");
        fs::write(folder.path().join(file), text(file).replace(from, to)).expect("a shader is written");
    }
    folder
}
