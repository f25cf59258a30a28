//! The IDX format, read strictly: two zero bytes, the element type, the number of dimensions, the dimensions
//! as big-endian u32, then the elements with the last dimension running fastest.

use std::{
    io::{BufRead, Cursor, Seek},
    path::Path,
};

use byteorder::{BigEndian, ByteOrder};

use super::{DataError, Fault, content, source::Source};

/// Largest payload that is read: 1 GiB, the training images of MNIST more than twenty times over.
const MAX_PAYLOAD: u64 = 1 << 30;
/// Largest picture that is read, in pixels: 512 x 512.
const MAX_PICTURE: u64 = 1 << 18;
/// IDX's code for unsigned bytes.
const UNSIGNED_BYTE: u8 = 0x08;
/// What the dimensions of a file of pictures count.
const AXES: [&str; 3] = ["samples", "rows", "columns"];

/// The pictures of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Images {
    /// How many pictures there are.
    pub count: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// (count, rows, cols), row-major, 0 to 255.
    pub pixels: Vec<u8>,
}

/// Reads a file of pictures (three dimensions of unsigned bytes), gzipped or plain by content.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] that the file has.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    let ([count, rows, cols], pixels) = read(path)?;
    Ok(Images { count, rows, cols, pixels })
}

/// Reads a file of labels (one dimension of unsigned bytes), gzipped or plain by content.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] that the file has.
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    read::<1>(path).map(|(_, labels)| labels)
}

/// The count, rows and columns that a file of pictures declares; nothing of its pictures is read.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] of the header.
pub(super) fn read_images_header(path: &Path) -> Result<[usize; 3], DataError> {
    let header = || {
        let dims: [u32; 3] = read_header(&mut Source::open(path)?)?;
        payload_len(&dims)?;
        Ok(dims.map(|dim| dim as usize))
    };
    header().map_err(|fault| DataError::File { path: path.to_owned(), fault })
}

/// Where element `index` of a file of labels stands.
pub(super) fn label_offset(index: usize) -> usize {
    header_len(1) + index
}

/// [`read_images`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`read_images`].
pub fn parse_images(name: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    let ([count, rows, cols], pixels) = parse(name, bytes)?;
    Ok(Images { count, rows, cols, pixels })
}

/// [`read_labels`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`read_labels`].
pub fn parse_labels(name: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    parse::<1>(name, bytes).map(|(_, labels)| labels)
}

fn read<const N: usize>(path: &Path) -> Result<([usize; N], Vec<u8>), DataError> {
    Source::open(path).and_then(read_array).map_err(|fault| DataError::File { path: path.to_owned(), fault })
}

fn parse<const N: usize>(name: &Path, bytes: &[u8]) -> Result<([usize; N], Vec<u8>), DataError> {
    let source = Source::of(Cursor::new(bytes));
    source.and_then(read_array).map_err(|fault| DataError::File { path: name.to_owned(), fault })
}

fn read_array<const N: usize, R: BufRead + Seek>(
    mut source: Source<R>,
) -> Result<([usize; N], Vec<u8>), Fault> {
    let dims: [u32; N] = read_header(&mut source)?;
    let payload = read_payload(&mut source, header_len(N) as u64, payload_len(&dims)?)?;
    source.finish()?;
    Ok((dims.map(|dim| dim as usize), payload))
}

fn read_header<const N: usize, R: BufRead + Seek>(source: &mut Source<R>) -> Result<[u32; N], Fault> {
    let mut header = Vec::new();
    source.read(4, &mut header)?;
    match header[..] {
        [0, 0, kind, dims] => check_shape(kind, dims, N)?,
        [] | [0] | [0, 0] | [0, 0, _] => {}
        _ => return Err(not_idx(source, header, N)),
    }
    source.read(header_len(N) as u64 - 4, &mut header)?;
    if header.len() < header_len(N) {
        return Err(Fault::ShortHeader { expected: header_len(N), found: header.len() });
    }
    let mut dims = [0; N];
    BigEndian::read_u32_into(&header[4..], &mut dims);
    Ok(dims)
}

/// The bytes before the payload of a file of `dims` dimensions.
const fn header_len(dims: usize) -> usize {
    4 + 4 * dims
}

fn check_shape(kind: u8, found: u8, expected: usize) -> Result<(), Fault> {
    if kind != UNSIGNED_BYTE {
        return Err(Fault::ElementType { found: kind });
    }
    match (expected, found) {
        (3, 1) => Err(Fault::LabelsAsImages),
        (1, 3) => Err(Fault::ImagesAsLabels),
        _ if usize::from(found) != expected => Err(Fault::Dimensions { expected, found }),
        _ => Ok(()),
    }
}

fn not_idx<R: BufRead + Seek>(source: &mut Source<R>, mut head: Vec<u8>, dims: usize) -> Fault {
    if let Err(fault) = source.read((content::HEAD - head.len()) as u64, &mut head) {
        return fault;
    }
    let container = if source.is_gzip() { "a gzip of " } else { "" };
    Fault::NotIdx {
        expected: content::hex(&[0, 0, UNSIGNED_BYTE, dims as u8]),
        found: content::hex(&head),
        content: format!("{container}{}", content::describe(&head)),
    }
}

/// The bytes that `dims` declare, within the caps. A product that overflows saturates beyond them.
fn payload_len(dims: &[u32]) -> Result<u64, Fault> {
    if let Some(zero) = dims.iter().position(|&dim| dim == 0) {
        return Err(Fault::ZeroDimension { offset: header_len(zero), axis: AXES[zero] });
    }
    let product = |dims: &[u32]| dims.iter().fold(1u64, |len, &dim| len.saturating_mul(dim.into()));
    let (picture, payload) = (product(&dims[1..]), product(dims));
    if picture > MAX_PICTURE {
        return Err(Fault::PictureTooLarge { expected: MAX_PICTURE, found: picture });
    }
    if payload > MAX_PAYLOAD {
        return Err(Fault::PayloadTooLarge { expected: MAX_PAYLOAD, found: payload });
    }
    Ok(payload)
}

/// Reads `expected` bytes and asks for one more: only at the end of the stream is a gzip checksum verified,
/// and a stream that inflates for ever is left at that byte.
fn read_payload<R: BufRead + Seek>(
    source: &mut Source<R>,
    start: u64,
    expected: u64,
) -> Result<Vec<u8>, Fault> {
    let mut payload = Vec::new();
    source.read(expected + 1, &mut payload)?;
    let found = payload.len() as u64;
    if found < expected {
        return Err(Fault::PayloadShort { offset: start + found, expected, found });
    }
    if found > expected {
        return Err(Fault::PayloadLong { offset: start + expected, expected });
    }
    Ok(payload)
}
