//! The beginning of a safetensors file: eight bytes for the length of a JSON header, the header.

use std::{
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use safetensors::tensor::Metadata;

use super::{MAX_HEADER_BYTES, ModelError, mismatch::excerpt};

/// The length word and the opening brace of the header.
type Start = [u8; 9];

/// Reads the header of a file of `len` bytes, and gives it with the offset of the first value.
///
/// The library checks that the tensors follow one another without gaps and have the bytes that
/// their types and shapes need.
pub(super) fn read(
    path: &Path,
    bytes: &mut (impl Read + Seek),
    len: u64,
) -> Result<(Metadata, u64), ModelError> {
    let json = read_json(path, bytes, len)?;
    let header = serde_json::from_slice(&json)
        .map_err(|error| ModelError::Header { path: path.to_owned(), reason: excerpt(&error.to_string()) })?;
    Ok((header, 8 + json.len() as u64))
}

fn read_json(path: &Path, bytes: &mut (impl Read + Seek), len: u64) -> Result<Vec<u8>, ModelError> {
    let mut start = Start::default();
    check_longer_than(start.len() as u64 - 1, path, len)?;
    bytes.read_exact(&mut start).map_err(|source| read_error(path, source))?;
    let header_len = header_len(&start);
    if start[8] != b'{' || !(2..=MAX_HEADER_BYTES).contains(&header_len) {
        return Err(ModelError::NotSafetensors { path: path.to_owned(), found: name_format(&start) });
    }
    if len < 8 + header_len {
        return Err(ModelError::Truncated { path: path.to_owned(), expected: 8 + header_len, found: len });
    }
    let mut json = vec![0; header_len as usize];
    let read = bytes.seek(SeekFrom::Start(8)).and_then(|_| bytes.read_exact(&mut json));
    read.map_err(|source| read_error(path, source))?;
    Ok(json)
}

fn check_longer_than(least: u64, path: &Path, len: u64) -> Result<(), ModelError> {
    let path = path.to_owned();
    match len {
        0 => Err(ModelError::Empty { path }),
        _ if len <= least => {
            Err(ModelError::NotSafetensors { path, found: format!("only {len} bytes long") })
        }
        _ => Ok(()),
    }
}

fn header_len(start: &Start) -> u64 {
    let [a, b, c, d, e, f, g, h, _] = *start;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// Names the formats that people have in the place of a model.
fn name_format(start: &Start) -> String {
    let formats: [(&[u8], &str); 10] = [
        (b"PK\x03\x04", "a ZIP archive, as torch.save and numpy.savez write it"),
        (b"\x80\x02", "a Python pickle"),
        (b"\x80\x04", "a Python pickle"),
        (b"\x93NUMPY", "a NumPy array"),
        (b"\x89HDF", "an HDF5 file, as Keras writes it"),
        (b"GGUF", "a GGUF file"),
        (b"\x1f\x8b", "a gzip file"),
        (b"\0\0\x08", "an IDX file, as the data come in"),
        (b"version h", "a Git LFS pointer, for which `git lfs pull` gets the file"),
        (b"<", "an HTML or XML page"),
    ];
    let is_text = start.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    match formats.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, name)) => (*name).into(),
        None if is_text => "a text file".into(),
        None => {
            let len = header_len(start);
            format!("of an unknown format (its first 8 bytes would mean a header of {len} bytes)")
        }
    }
}

fn read_error(path: &Path, source: io::Error) -> ModelError {
    ModelError::Read { path: path.to_owned(), source }
}
