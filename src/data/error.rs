//! What can be wrong with a data folder and with an IDX file.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{LabelFault, content::AGAIN as NEXT};
use crate::visible::shown;

/// Why a [`Dataset`](super::Dataset) cannot be loaded: the text says which file, what was expected, what
/// was found and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// There is no such folder.
    #[error("{}: no such folder", shown(.0))]
    NoFolder(PathBuf),
    /// The folder is a file.
    #[error("{}: not a folder", shown(.0))]
    NotAFolder(PathBuf),
    /// A file is there under neither of its names.
    #[error("{}: no such file, nor {} without .gz", shown(gzipped), shown(plain))]
    Missing {
        /// The name that was tried first.
        gzipped: PathBuf,
        /// The name that was tried second.
        plain: PathBuf,
    },
    /// There are two files for one part of the set, or files of two sets.
    #[error(
        "{}: files of more than one data set, or one under two names: {}; keep one set in a folder",
        shown(folder),
        listed(found)
    )]
    SeveralSets {
        /// The folder.
        folder: PathBuf,
        /// A file of each.
        found: Vec<String>,
    },
    /// One file cannot be read, or is not what it should be.
    #[error("{}: {fault}", shown(path))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A split has more pictures than labels, or fewer.
    #[error(
        "{}: {found} labels, expected {expected}, one for each picture of {}; \
         take both files from the same data set",
        shown(labels),
        shown(images)
    )]
    CountsDiffer {
        /// The file of pictures.
        images: PathBuf,
        /// The file of labels.
        labels: PathBuf,
        /// How many pictures there are.
        expected: usize,
        /// How many labels there are.
        found: usize,
    },
    /// The test pictures are not of the size of the training pictures.
    #[error(
        "{}: pictures of {} x {}, expected {} x {} as in {}; take both files from the same data set",
        shown(test), found.0, found.1, expected.0, expected.1, shown(train)
    )]
    SizesDiffer {
        /// The file of training pictures.
        train: PathBuf,
        /// The file of test pictures.
        test: PathBuf,
        /// (rows, columns) of a training picture.
        expected: (usize, usize),
        /// (rows, columns) of a test picture.
        found: (usize, usize),
    },
}

/// What is wrong with one IDX file. An "IDX offset" counts bytes after decompression, a "file offset" bytes
/// as they lie on the disk.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No such file, or a link that leads nowhere.
    #[error("no such file; check the path")]
    NotFound,
    /// The operating system refuses.
    #[error("cannot be read: {0}; check the path, its permissions and the disk")]
    Unreadable(io::Error),
    /// Nothing that has a beginning and an end.
    #[error("is {found}, expected a regular file; put the file itself in its place")]
    NotAFile {
        /// What it is.
        found: &'static str,
    },
    /// Not one byte.
    #[error("is empty, expected an IDX file; download it again")]
    Empty,
    /// Neither IDX nor gzip.
    #[error(
        "IDX offset 0: starts with {found}, expected {expected} of an IDX file; it is {content}; {remedy}"
    )]
    NotIdx {
        /// The magic number in hexadecimal.
        expected: String,
        /// The bytes in its place.
        found: String,
        /// What such a file usually is.
        content: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The data end before the payload begins.
    #[error("IDX offset {found}: the header ends here, expected {expected} bytes of it; {NEXT}")]
    ShortHeader {
        /// Bytes of a whole header.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The numbers are not unsigned bytes.
    #[error(
        "IDX offset 2: element type {found:#04x} ({}), expected 0x08 (unsigned byte); \
         convert the data to bytes of 0 to 255",
        element_type(*found)
    )]
    ElementType {
        /// The type's code.
        found: u8,
    },
    /// The numbers are neither bytes nor integers.
    #[error(
        "IDX offset 2: element type {found:#04x} ({}), expected 0x08 (unsigned byte) or 0x0c (32-bit integer); \
         convert the labels to one of them",
        element_type(*found)
    )]
    LabelType {
        /// The type's code.
        found: u8,
    },
    /// Neither pictures nor labels.
    #[error(
        "IDX offset 3: {found} dimensions, expected 3 (count, rows, columns); other shapes cannot be read, \
         convert the data"
    )]
    Dimensions {
        /// What the header declares.
        found: u8,
    },
    /// Labels that are neither a list nor a table.
    #[error(
        "IDX offset 3: {found} dimensions, expected 1 (count) or 2 (count, columns: one-hot, or the eight of \
         QMNIST); other shapes cannot be read, convert the labels"
    )]
    LabelDimensions {
        /// What the header declares.
        found: u8,
    },
    /// Labels where pictures are expected.
    #[error(
        "IDX offset 3: 1 dimension, expected 3: a label file given as images; \
         check that the names of the two files are not swapped"
    )]
    LabelsAsImages,
    /// Pictures where labels are expected.
    #[error(
        "IDX offset 3: 3 dimensions, expected 1 or 2: an image file given as labels; \
         check that the names of the two files are not swapped"
    )]
    ImagesAsLabels,
    /// A dimension of 0: there is nothing to learn from.
    #[error("IDX offset {offset}: the number of {axis} is 0, expected at least 1; {NEXT}")]
    ZeroDimension {
        /// Where the dimension stands.
        offset: usize,
        /// What it counts.
        axis: &'static str,
    },
    /// A picture is beyond any that this trainer is for.
    #[error("IDX offset 8: {found} pixels a picture, expected at most {expected}; {NEXT}")]
    PictureTooLarge {
        /// The cap in pixels.
        expected: u64,
        /// Rows times columns.
        found: u64,
    },
    /// The header declares more than the cap.
    #[error(
        "IDX offset 4: the header declares {found} bytes of data, expected at most {expected}; \
         use fewer samples or {NEXT}"
    )]
    PayloadTooLarge {
        /// The cap in bytes.
        expected: u64,
        /// The product of the dimensions.
        found: u64,
    },
    /// The data end too early.
    #[error(
        "IDX offset {offset}: the data end here, expected {expected} bytes after the header, found {found}; {NEXT}"
    )]
    PayloadShort {
        /// Where the data end.
        offset: u64,
        /// Bytes that the header declares.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The data go on beyond what the header declares.
    #[error(
        "IDX offset {offset}: more data, expected the end after the {expected} bytes that the header declares; {NEXT}"
    )]
    PayloadLong {
        /// The first byte too many.
        offset: u64,
        /// Bytes that the header declares.
        expected: u64,
    },
    /// The gzip header is wrong.
    #[error("file offset 0: damaged gzip header: {0}; {NEXT}")]
    GzipHeader(io::Error),
    /// The file ends inside the gzip stream.
    #[error("IDX offset {offset}: the gzip stream is cut off here, expected its end and checksum; {NEXT}")]
    GzipTruncated {
        /// Bytes that could be decompressed.
        offset: u64,
    },
    /// The compressed bytes make no sense.
    #[error("IDX offset {offset}: damaged gzip stream: {cause}; {NEXT}")]
    GzipCorrupt {
        /// Bytes that could be decompressed.
        offset: u64,
        /// The decompressor's words.
        cause: io::Error,
    },
    /// All could be decompressed, but CRC-32 or length are not those of the original.
    #[error("IDX offset {offset}: the gzip checksum or length at the end does not match the data; {NEXT}")]
    GzipChecksum {
        /// Bytes that were decompressed.
        offset: u64,
    },
    /// Another gzip stream follows the first one.
    #[error(
        "file offset {offset}: a second gzip member, expected the end of the file; make one of them: \
         gzip -dc FILE | gzip > NEW"
    )]
    SecondMember {
        /// Where it begins.
        offset: u64,
    },
    /// Something follows the gzip stream.
    #[error(
        "file offset {offset}: bytes after the end of the gzip stream, expected the end of the file; {NEXT}"
    )]
    TrailingBytes {
        /// The first byte too many.
        offset: u64,
    },
    /// Labels that make no classes.
    #[error(transparent)]
    Label(#[from] LabelFault),
}

fn listed(files: &[String]) -> String {
    files.iter().map(|file| shown(Path::new(file)).to_string()).collect::<Vec<_>>().join(", ")
}

fn element_type(code: u8) -> &'static str {
    match code {
        0x09 => "signed byte",
        0x0b => "16-bit integer",
        0x0c => "32-bit integer",
        0x0d => "32-bit float",
        0x0e => "64-bit float",
        _ => "unknown to IDX",
    }
}
