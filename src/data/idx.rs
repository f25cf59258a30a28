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
pub(super) const UNSIGNED_BYTE: u8 = 0x08;
/// IDX's code for big-endian 32-bit integers.
pub(super) const INT32: u8 = 0x0c;
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

/// What a file is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// (count, rows, columns) unsigned bytes.
    Images,
    /// (count) or (count, columns) unsigned bytes or 32-bit integers.
    Labels,
}

/// The elements of a file as they are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    /// IDX's code for the type of the elements.
    pub kind: u8,
    pub dims: Vec<usize>,
    /// The elements, big-endian.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Bytes of an element.
    pub fn element(&self) -> usize {
        element_len(self.kind)
    }

    /// Where in the file the element `index` is.
    pub fn offset(&self, index: usize) -> usize {
        header_len(self.dims.len()) + index * self.element()
    }
}

/// Reads a file of pictures (three dimensions of unsigned bytes), gzipped or plain by content.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] that the file has.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    read(path, Content::Images).map(images)
}

/// [`read_images`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`read_images`].
pub(super) fn parse_images(name: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    parse(name, bytes, Content::Images).map(images)
}

fn images(array: Array) -> Images {
    let [count, rows, cols] = array.dims[..] else { unreachable!("images have three dimensions") };
    Images { count, rows, cols, pixels: array.bytes }
}

/// The count, rows and columns that a file of pictures declares; nothing of its pictures is read.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] of the header.
pub(super) fn read_images_header(path: &Path) -> Result<[usize; 3], DataError> {
    let header = || {
        let Header { kind, dims } = read_header(&mut Source::open(path)?, Content::Images)?;
        payload_len(kind, &dims, Content::Images)?;
        Ok([dims[0] as usize, dims[1] as usize, dims[2] as usize])
    };
    header().map_err(|fault| DataError::File { path: path.to_owned(), fault })
}

/// Reads a whole file.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] that the file has.
pub(super) fn read(path: &Path, content: Content) -> Result<Array, DataError> {
    let source = Source::open(path);
    source
        .and_then(|source| read_array(source, content))
        .map_err(|fault| DataError::File { path: path.to_owned(), fault })
}

/// [`read`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`read`].
pub(super) fn parse(name: &Path, bytes: &[u8], content: Content) -> Result<Array, DataError> {
    let source = Source::of(Cursor::new(bytes));
    source
        .and_then(|source| read_array(source, content))
        .map_err(|fault| DataError::File { path: name.to_owned(), fault })
}

fn read_array<R: BufRead + Seek>(mut source: Source<R>, content: Content) -> Result<Array, Fault> {
    let read = read_elements(&mut source, content);
    match (read, source.finish()) {
        // What is missing may be in another member of the gzip file.
        (
            Err(Fault::ShortHeader { .. } | Fault::PayloadShort { .. }),
            Err(more @ Fault::SecondMember { .. }),
        ) => Err(more),
        (Ok(_), Err(more)) => Err(more),
        (read, _) => read,
    }
}

fn read_elements<R: BufRead + Seek>(source: &mut Source<R>, content: Content) -> Result<Array, Fault> {
    let Header { kind, dims } = read_header(source, content)?;
    let start = header_len(dims.len()) as u64;
    let bytes = read_payload(source, start, payload_len(kind, &dims, content)?)?;
    Ok(Array { kind, dims: dims.into_iter().map(|dim| dim as usize).collect(), bytes })
}

/// What comes before the elements.
struct Header {
    kind: u8,
    dims: Vec<u32>,
}

fn read_header<R: BufRead + Seek>(source: &mut Source<R>, content: Content) -> Result<Header, Fault> {
    let mut header = Vec::new();
    source.read(4, &mut header)?;
    let (kind, dims) = match header[..] {
        [0, 0, kind, dims] => {
            check_shape(kind, dims, content)?;
            (kind, usize::from(dims))
        }
        [] | [0] | [0, 0] | [0, 0, _] => {
            let expected = header_len(content.dims());
            return Err(Fault::ShortHeader { expected, found: header.len() });
        }
        _ => return Err(not_idx(source, header, content)),
    };
    source.read(header_len(dims) as u64 - 4, &mut header)?;
    if header.len() < header_len(dims) {
        return Err(Fault::ShortHeader { expected: header_len(dims), found: header.len() });
    }
    let mut sizes = vec![0; dims];
    BigEndian::read_u32_into(&header[4..], &mut sizes);
    Ok(Header { kind, dims: sizes })
}

impl Content {
    /// The dimensions of the usual file.
    fn dims(self) -> usize {
        match self {
            Content::Images => 3,
            Content::Labels => 1,
        }
    }
}

/// The bytes before the payload of a file of `dims` dimensions.
const fn header_len(dims: usize) -> usize {
    4 + 4 * dims
}

/// Bytes of an element.
const fn element_len(kind: u8) -> usize {
    if kind == INT32 { 4 } else { 1 }
}

fn check_shape(kind: u8, dims: u8, content: Content) -> Result<(), Fault> {
    match (content, kind) {
        (_, UNSIGNED_BYTE) | (Content::Labels, INT32) => {}
        (Content::Images, _) => return Err(Fault::ElementType { found: kind }),
        (Content::Labels, _) => return Err(Fault::LabelType { found: kind }),
    }
    match (content, dims) {
        (Content::Images, 3) | (Content::Labels, 1 | 2) => Ok(()),
        (Content::Images, 1) => Err(Fault::LabelsAsImages),
        (Content::Labels, 3) => Err(Fault::ImagesAsLabels),
        (Content::Images, _) => Err(Fault::Dimensions { found: dims }),
        (Content::Labels, _) => Err(Fault::LabelDimensions { found: dims }),
    }
}

fn not_idx<R: BufRead + Seek>(source: &mut Source<R>, mut head: Vec<u8>, content: Content) -> Fault {
    if let Err(fault) = source.read((content::HEAD - head.len()) as u64, &mut head) {
        return fault;
    }
    let found = content::describe(&head);
    let container = if source.is_gzip() { "a gzip of " } else { "" };
    Fault::NotIdx {
        expected: content::hex(&[0, 0, UNSIGNED_BYTE, content.dims() as u8]),
        found: content::hex(&head),
        content: format!("{container}{}", found.name),
        remedy: found.remedy,
    }
}

/// The bytes that a header declares, within the caps. A product that overflows saturates beyond them.
fn payload_len(kind: u8, dims: &[u32], content: Content) -> Result<u64, Fault> {
    let axes = if content == Content::Labels { ["samples", "columns", ""] } else { AXES };
    if let Some(zero) = dims.iter().position(|&dim| dim == 0) {
        return Err(Fault::ZeroDimension { offset: header_len(zero), axis: axes[zero] });
    }
    let product = |dims: &[u32]| dims.iter().fold(1u64, |len, &dim| len.saturating_mul(dim.into()));
    let (sample, payload) = (product(&dims[1..]), product(dims).saturating_mul(element_len(kind) as u64));
    match content {
        Content::Images if sample > MAX_PICTURE => {
            Err(Fault::PictureTooLarge { expected: MAX_PICTURE, found: sample })
        }
        _ if payload > MAX_PAYLOAD => Err(Fault::PayloadTooLarge { expected: MAX_PAYLOAD, found: payload }),
        _ => Ok(payload),
    }
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
