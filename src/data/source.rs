//! The bytes of a data file, decompressed where its content is gzip.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

use flate2::bufread::GzDecoder;

use super::Fault;
use crate::paths::not_a_file;

/// Bytes asked of the disk at once.
const BUFFER: usize = 1 << 17;

/// The first bytes of a gzip member.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// An open data file, or its bytes, and how far it has been read.
pub(super) struct Source<R> {
    stream: Stream<R>,
    /// Bytes read so far, after decompression.
    offset: u64,
}

enum Stream<R> {
    Plain(R),
    Gzip(Box<GzDecoder<R>>),
}

impl Source<BufReader<File>> {
    /// Opens a regular, non-empty file.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        Source::of(BufReader::with_capacity(BUFFER, open_regular(path)?))
    }
}

impl<R: BufRead + Seek> Source<R> {
    /// Reads what is not empty; gzip is recognised by its magic number, whatever the name.
    pub(super) fn of(mut reader: R) -> Result<Self, Fault> {
        let mut magic = Vec::new();
        reader.by_ref().take(2).read_to_end(&mut magic).map_err(Fault::Unreadable)?;
        reader.rewind().map_err(Fault::Unreadable)?;
        let stream = match &magic[..] {
            [] => return Err(Fault::Empty),
            GZIP => Stream::Gzip(Box::new(GzDecoder::new(reader))),
            _ => Stream::Plain(reader),
        };
        Ok(Source { stream, offset: 0 })
    }

    /// Appends `len` bytes, or fewer where the data end before; a gzip checksum is verified at that end only.
    /// Memory grows as bytes arrive, whatever `len` says.
    pub(super) fn read(&mut self, len: u64, bytes: &mut Vec<u8>) -> Result<(), Fault> {
        let before = bytes.len();
        let result = match &mut self.stream {
            Stream::Plain(file) => file.take(len).read_to_end(bytes),
            Stream::Gzip(decoder) => decoder.take(len).read_to_end(bytes),
        };
        self.offset += (bytes.len() - before) as u64;
        result.map(drop).map_err(|error| self.fault(error))
    }

    /// Whether the bytes come out of a gzip stream.
    pub(super) fn is_gzip(&self) -> bool {
        matches!(self.stream, Stream::Gzip(_))
    }

    /// Requires that nothing follows the gzip stream, once that has been read to its end.
    pub(super) fn finish(self) -> Result<(), Fault> {
        let Stream::Gzip(decoder) = self.stream else { return Ok(()) };
        let mut file = decoder.into_inner();
        let offset = file.stream_position().map_err(Fault::Unreadable)?;
        let mut next = Vec::new();
        file.take(2).read_to_end(&mut next).map_err(Fault::Unreadable)?;
        match &next[..] {
            [] => Ok(()),
            GZIP => Err(Fault::SecondMember { offset }),
            _ => Err(Fault::TrailingBytes { offset }),
        }
    }

    fn fault(&self, error: io::Error) -> Fault {
        let offset = self.offset;
        match &self.stream {
            Stream::Gzip(decoder) if error.raw_os_error().is_none() => match error.kind() {
                io::ErrorKind::UnexpectedEof => Fault::GzipTruncated { offset },
                io::ErrorKind::OutOfMemory => Fault::Unreadable(error),
                _ if decoder.header().is_none() => Fault::GzipHeader(error),
                // flate2 tells a wrong checksum from wrong codes by its words alone; a test watches them.
                _ if error.to_string().contains("checksum") => Fault::GzipChecksum { offset },
                _ => Fault::GzipCorrupt { offset, cause: error },
            },
            _ => Fault::Unreadable(error),
        }
    }
}

/// Opens what has an end.
fn open_regular(path: &Path) -> Result<File, Fault> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Fault::NotFound,
        _ => Fault::Unreadable(error),
    };
    let metadata = fs::metadata(path).map_err(refused)?;
    if let Some(found) = not_a_file(&metadata) {
        return Err(Fault::NotAFile { found });
    }
    File::open(path).map_err(refused)
}
