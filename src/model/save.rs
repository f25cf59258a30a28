//! Writing a model so that a file of its name is always complete: the old one or the new one.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use safetensors::{Dtype, tensor::TensorInfo};
use serde::Serialize;

use super::{BIAS, MAX_HEADER_BYTES, ModelError, WEIGHT, first_not_finite, tensor_name};
use crate::{
    net::Parameters,
    paths::{DIRECTORY, folder_of, not_a_file},
    whole_file,
};

/// Writes `parameters` and the strings of `metadata` to the file `path`; the same input gives the
/// same bytes.
///
/// A temporary file in the same folder is written, synchronised and renamed, so a file that is
/// replaced stays until the new one is complete, and lends it its permissions. A symbolic link
/// stays a link, and the file it leads to is replaced.
///
/// # Errors
/// [`ModelError`] where a parameter is not finite or the file cannot be written; an existing file
/// is then as it was.
pub fn save(
    path: &Path,
    parameters: &Parameters<f32>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), ModelError> {
    check_finite(path, parameters)?;
    let target = Target::new(path)?;
    let content = |writer: &mut BufWriter<&File>| write(writer, parameters, metadata);
    whole_file::write(&target.file, target.permissions.as_ref(), content)
        .map_err(|source| write_error(path, source))
}

/// Finds out, before anything is trained, whether [`save`] can write to `path`; leaves nothing
/// behind.
///
/// # Errors
/// [`ModelError`] where the path is empty, is no regular file or is read-only, or where a file
/// cannot be created in its folder.
pub fn check_writable(path: &Path) -> Result<(), ModelError> {
    whole_file::check_folder(&Target::new(path)?.folder).map_err(|source| write_error(path, source))
}

/// Writes the bytes of a model file: the same input gives the same bytes.
///
/// # Errors
/// What the writer meets, or a header that is longer than 1 MiB.
pub fn write(
    writer: &mut impl Write,
    parameters: &Parameters<f32>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let header = header(parameters, metadata)?;
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    for value in parameters.values() {
        writer.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// Where a model goes.
struct Target {
    /// The file itself, links resolved.
    file: PathBuf,
    /// Where it is, or will be.
    folder: PathBuf,
    /// Those of the file that will be replaced.
    permissions: Option<Permissions>,
}

impl Target {
    fn new(path: &Path) -> Result<Self, ModelError> {
        if path.as_os_str().is_empty() {
            return Err(ModelError::EmptyPath);
        }
        let (file, permissions) = match existing(path)? {
            Some(permissions) => {
                let file = fs::canonicalize(path).map_err(|source| write_error(path, source))?;
                (file, Some(permissions))
            }
            None => (path.to_owned(), None),
        };
        if names_a_folder(&file) {
            return Err(ModelError::NotAFile { path: path.to_owned(), found: DIRECTORY });
        }
        let folder = folder_of(&file).to_owned();
        if !folder.is_dir() {
            return Err(ModelError::MissingFolder { path: path.to_owned(), folder });
        }
        Ok(Target { file, folder, permissions })
    }
}

/// The permissions of the file at `path`, if there is one and it may be replaced.
fn existing(path: &Path) -> Result<Option<Permissions>, ModelError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(write_error(path, source)),
        Ok(found) => found,
    };
    if let Some(found) = not_a_file(&found) {
        return Err(ModelError::NotAFile { path: path.to_owned(), found });
    }
    if found.permissions().readonly() {
        return Err(ModelError::ReadOnly { path: path.to_owned() });
    }
    Ok(Some(found.permissions()))
}

/// Whether a path that leads nowhere could only be a directory.
fn names_a_folder(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator) || path.file_name().is_none()
}

/// Refuses NaN and infinity, so that no good file is replaced by a bad one.
fn check_finite(path: &Path, parameters: &Parameters<f32>) -> Result<(), ModelError> {
    for (k, layer) in parameters.layers.iter().enumerate() {
        let weight = first_not_finite(&layer.weight).map(|bad| (WEIGHT, bad));
        let bad = weight.or_else(|| first_not_finite(&layer.bias).map(|bad| (BIAS, bad)));
        if let Some((tensor, (index, value))) = bad {
            let (path, tensor) = (path.to_owned(), tensor_name(k, tensor));
            return Err(ModelError::Diverged { path, tensor, index, value });
        }
    }
    Ok(())
}

/// The header of a safetensors file. The library writes it from a `HashMap`, whose order differs
/// from run to run; these maps are sorted.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, TensorInfo>,
}

/// The header as JSON, padded with spaces to whole eight bytes so that the values are aligned.
fn header(parameters: &Parameters<f32>, metadata: &BTreeMap<String, String>) -> io::Result<Vec<u8>> {
    let mut tensors = BTreeMap::new();
    let mut offset = 0;
    for (k, layer) in parameters.layers.iter().enumerate() {
        for (tensor, shape) in [(WEIGHT, layer.weight.shape()), (BIAS, layer.bias.shape())] {
            let end = offset + shape.iter().product::<usize>() * size_of::<f32>();
            let info = TensorInfo { dtype: Dtype::F32, shape: shape.to_vec(), data_offsets: (offset, end) };
            tensors.insert(tensor_name(k, tensor), info);
            offset = end;
        }
    }
    let mut header = serde_json::to_vec(&Header { metadata, tensors })?;
    header.resize(header.len().next_multiple_of(8), b' ');
    if header.len() as u64 > MAX_HEADER_BYTES {
        return Err(io::Error::other(format!(
            "the metadata makes a header of {} bytes, more than {MAX_HEADER_BYTES}",
            header.len()
        )));
    }
    Ok(header)
}

fn write_error(path: &Path, source: io::Error) -> ModelError {
    ModelError::Write { path: path.to_owned(), source }
}
