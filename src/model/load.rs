//! Reading a model, with everything checked before it is believed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom},
    path::Path,
};

use ndarray::{Array, Dimension, IntoDimension};
use safetensors::{Dtype, tensor::Metadata};

use super::{BIAS, ModelError, WEIGHT, first_not_finite, header, mismatch, tensor_name};
use crate::{
    net::{Layer, Parameters, Shape},
    paths::not_a_file,
};

/// Names and values.
type Strings = BTreeMap<String, String>;

/// Reads the parameters of a network of `shape` from the file `path`.
///
/// Tensors that are not called `layers.*` are left alone. Memory is bounded whatever the file
/// claims: a header of at most 1 MiB, and the parameters of `shape`.
///
/// # Errors
/// [`ModelError`] where the file cannot be read, is not whole, does not fit `shape`, or holds a
/// value that is not finite.
pub fn load(path: &Path, shape: &Shape) -> Result<Parameters<f32>, ModelError> {
    load_with_metadata(path, shape).map(|(parameters, _)| parameters)
}

/// The same, and what the file says of its training.
///
/// # Errors
/// As [`load`].
pub fn load_with_metadata(path: &Path, shape: &Shape) -> Result<(Parameters<f32>, Strings), ModelError> {
    if path.as_os_str().is_empty() {
        return Err(ModelError::EmptyPath);
    }
    // Asked before it is opened: opening a pipe would wait for a writer.
    let found = fs::metadata(path).map_err(|source| read_error(path, source))?;
    if let Some(found) = not_a_file(&found) {
        return Err(ModelError::NotAFile { path: path.to_owned(), found });
    }
    let file = File::open(path).map_err(|source| read_error(path, source))?;
    read(path, BufReader::new(file), found.len(), shape)
}

/// [`load_with_metadata`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`load`].
pub fn parse(name: &Path, bytes: &[u8], shape: &Shape) -> Result<(Parameters<f32>, Strings), ModelError> {
    read(name, Cursor::new(bytes), bytes.len() as u64, shape)
}

fn read(
    path: &Path,
    bytes: impl Read + Seek,
    len: u64,
    shape: &Shape,
) -> Result<(Parameters<f32>, Strings), ModelError> {
    let mut file = ModelFile::open(path, bytes, len, shape)?;
    let mut layers = Vec::new();
    for (k, layer) in shape.layers().enumerate() {
        layers.push(Layer {
            weight: file.tensor(tensor_name(k, WEIGHT), (layer.outputs, layer.inputs))?,
            bias: file.tensor(tensor_name(k, BIAS), layer.outputs)?,
        });
    }
    file.check_no_other_layers()?;
    let metadata = file.header.metadata().iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
    Ok((Parameters { layers }, metadata.collect()))
}

/// A safetensors file whose header agrees with its length.
struct ModelFile<'a, R> {
    path: &'a Path,
    bytes: R,
    header: Metadata,
    /// Offset of the first value in the file.
    values: u64,
    /// The network that the file should hold.
    shape: &'a Shape,
}

impl<'a, R: Read + Seek> ModelFile<'a, R> {
    fn open(path: &'a Path, mut bytes: R, len: u64, shape: &'a Shape) -> Result<Self, ModelError> {
        let (header, values) = header::read(path, &mut bytes, len)?;
        let expected = values.saturating_add(header.data_len() as u64);
        if len < expected {
            return Err(ModelError::Truncated { path: path.to_owned(), expected, found: len });
        }
        if len > expected {
            return Err(ModelError::TrailingBytes { path: path.to_owned(), expected, found: len });
        }
        Ok(ModelFile { path, bytes, header, values, shape })
    }

    /// Reads one tensor of the network; memory is asked for only once its size is known to be right.
    fn tensor<D: Dimension>(
        &mut self,
        name: String,
        size: impl IntoDimension<Dim = D>,
    ) -> Result<Array<f32, D>, ModelError> {
        let size = size.into_dimension();
        let offset = self.offset(&name, size.slice())?;
        let mut tensor = Array::zeros(size);
        self.fill(offset, &mut tensor).map_err(|source| read_error(self.path, source))?;
        match first_not_finite(&tensor) {
            Some((index, value)) => {
                Err(ModelError::NotFinite { path: self.path.to_owned(), tensor: name, index, value })
            }
            None => Ok(tensor),
        }
    }

    /// Where the values of a tensor begin, once its type and its shape are those of the network.
    fn offset(&self, name: &str, expected: &[usize]) -> Result<u64, ModelError> {
        let (path, tensor) = (self.path.to_owned(), name.to_owned());
        let Some(info) = self.header.info(name) else {
            let found = mismatch::tensor_names(&self.header);
            return Err(ModelError::MissingTensor { path, tensor, found, remedy: self.remedy() });
        };
        if info.dtype != Dtype::F32 {
            return Err(ModelError::WrongDtype { path, tensor, found: info.dtype });
        }
        if info.shape != expected {
            let (expected, found) =
                (format!("{expected:?}"), mismatch::excerpt(&format!("{:?}", info.shape)));
            return Err(ModelError::WrongShape { path, tensor, expected, found, remedy: self.remedy() });
        }
        Ok(self.values + info.data_offsets.0 as u64)
    }

    fn fill<D: Dimension>(&mut self, offset: u64, tensor: &mut Array<f32, D>) -> io::Result<()> {
        self.bytes.seek(SeekFrom::Start(offset))?;
        for value in tensor {
            let mut bytes = [0; 4];
            self.bytes.read_exact(&mut bytes)?;
            *value = f32::from_le_bytes(bytes);
        }
        Ok(())
    }

    /// Refuses what would silently be left out: a layer that the network does not have.
    fn check_no_other_layers(&self) -> Result<(), ModelError> {
        let layers = 0..self.shape.layers().len();
        let known: Vec<_> = layers.flat_map(|k| [tensor_name(k, WEIGHT), tensor_name(k, BIAS)]).collect();
        let names = self.header.offset_keys();
        match names.iter().find(|name| name.starts_with("layers.") && !known.contains(name)) {
            Some(name) => Err(ModelError::UnexpectedTensor {
                path: self.path.to_owned(),
                tensor: mismatch::excerpt(name),
                expected: self.shape.to_string(),
                remedy: self.remedy(),
            }),
            None => Ok(()),
        }
    }

    fn remedy(&self) -> String {
        mismatch::remedy(&self.header, self.shape)
    }
}

fn read_error(path: &Path, source: io::Error) -> ModelError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ModelError::Missing { path },
        _ => ModelError::Read { path, source },
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Cursor};

    use super::*;
    use crate::{model::save, net::Init};

    /// A saved 3-2-2 network and its parameters.
    fn tiny() -> (Shape, Parameters<f32>, Vec<u8>) {
        let shape = Shape::new(3, &[2], 2).unwrap();
        let parameters = Init::Uniform.parameters(&shape, 1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny");
        save(&path, &parameters, &BTreeMap::from([("seed".into(), "1".into())])).unwrap();
        (shape, parameters, fs::read(path).unwrap())
    }

    fn read_bytes(bytes: &[u8], shape: &Shape) -> Result<Parameters<f32>, String> {
        let path = Path::new("tiny");
        let result = read(path, Cursor::new(bytes), bytes.len() as u64, shape);
        result.map(|(parameters, _)| parameters).map_err(|error| error.to_string()).inspect_err(|message| {
            assert!(message.starts_with("tiny"), "{message}");
            assert!(message.len() < 600 && !message.contains(char::is_control), "{message:?}");
        })
    }

    #[test]
    fn every_truncation_is_refused() {
        let (shape, parameters, bytes) = tiny();
        assert_eq!(read_bytes(&bytes, &shape).unwrap(), parameters);
        for len in 0..bytes.len() {
            let message = read_bytes(&bytes[..len], &shape).unwrap_err();
            let expected = match len {
                0 => "tiny is empty".into(),
                1..9 => format!("tiny is only {len} bytes long"),
                _ => format!("tiny is cut short: {len} bytes"),
            };
            assert!(message.starts_with(&expected), "{len}: {message}");
        }
    }

    /// What is still believed after a byte of the file was changed differs in one value at most.
    #[test]
    fn every_single_byte_change_is_refused_or_changes_one_value() {
        let (shape, parameters, bytes) = tiny();
        let values = bytes.len() - 4 * shape.parameters();
        for at in 0..bytes.len() {
            for change in 1..=255 {
                let mut mutant = bytes.clone();
                mutant[at] ^= change;
                let Ok(read) = read_bytes(&mutant, &shape) else { continue };
                let changed =
                    read.values().zip(parameters.values()).filter(|(a, b)| a.to_bits() != b.to_bits());
                assert_eq!(changed.count(), usize::from(at >= values), "byte {at} ^ {change}");
                assert!(read.values().all(f32::is_finite), "byte {at} ^ {change}");
            }
        }
    }
}
