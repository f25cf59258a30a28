//! What `--save` may not replace: what the run itself reads. (The model of `--init` may be replaced.)

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Error, TrainArgs};
use crate::{data::is_data_file, paths::folder_of, visible::shown};

/// Checks before anything is read that the model goes to a file of its own.
///
/// # Errors
/// [`Error::Usage`] for `-` and for a file that the run reads, whatever the name it is given by.
pub(super) fn check(args: &TrainArgs) -> Result<(), Error> {
    let Some(path) = &args.save else { return Ok(()) };
    if path == Path::new("-") {
        return usage(
            "--save -: a model is not written to standard output: give a file (./- for one of this name)",
        );
    }
    if let Some(file) = replaced(path, &args.data.data, is_data_file) {
        return reads(path, "data", &file);
    }
    if let Some(shaders) = &args.shaders.shaders {
        for folder in [shaders.clone(), shaders.join("variants")] {
            if let Some(file) = replaced(path, &folder, is_shader) {
                return reads(path, "shaders", &file);
            }
        }
    }
    Ok(())
}

/// The file of `folder` that would be replaced, or would appear there: links are followed.
fn replaced(path: &Path, folder: &Path, is_read: fn(&Path) -> bool) -> Option<PathBuf> {
    let is_same = |a: &Path, b: &Path| same_file::is_same_file(a, b).unwrap_or(false);
    let mut files = fs::read_dir(folder).into_iter().flatten().flatten().map(|item| item.path());
    let there = files.find(|file| is_read(file) && is_same(file, path));
    there.or_else(|| (is_read(path) && is_same(folder_of(path), folder)).then(|| path.to_owned()))
}

fn is_shader(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "wgsl")
}

fn reads(path: &Path, flag: &str, file: &Path) -> Result<(), Error> {
    usage(&format!(
        "--save {}: the run reads this file as {} of --{flag}: give the model a name of its own",
        shown(path),
        shown(file)
    ))
}

fn usage(message: &str) -> Result<(), Error> {
    Err(Error::Usage(message.into()))
}
