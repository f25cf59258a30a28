//! What a file that is not IDX holds instead, by its first bytes.

/// How many first bytes [`describe`] can make use of: the mark of a tar archive comes late.
pub(super) const HEAD: usize = TAR_MARK + TAR.len();
/// How many of them are looked at for text.
const TEXT: usize = 64;
const TAR_MARK: usize = 257;
const TAR: &[u8] = b"ustar";

/// What a file holds, and what to do about it.
pub(super) struct Found {
    pub name: &'static str,
    pub remedy: &'static str,
}

const fn found(name: &'static str, remedy: &'static str) -> Found {
    Found { name, remedy }
}

/// What helps against damage.
pub(super) const AGAIN: &str = "download or copy the file again";
const CONVERT: &str = "convert the data to IDX";
const ORDER: &str = "write its header big-endian";
const PICKLE: Found = found("a Python pickle", CONVERT);
const OTHER_ORDER: Found = found("IDX written in the wrong byte order", ORDER);

const SIGNATURES: [(&[u8], Found); 22] = [
    (b"\x1f\x8b", found("another gzip stream (gzipped twice)", "decompress it once with gzip -d")),
    (b"PK\x03\x04", found("a zip archive", "unpack it with unzip")),
    (b"7z\xbc\xaf\x27\x1c", found("a 7z archive", "unpack it with 7z x")),
    (b"BZh", found("a bzip2 stream", "decompress it with bzip2 -d")),
    (b"\xfd7zXZ\0", found("an xz stream", "decompress it with xz -d")),
    (b"\x5d\0\0", found("an lzma stream", "decompress it with xz -d --format=lzma")),
    (b"\x28\xb5\x2f\xfd", found("a zstd stream", "decompress it with zstd -d")),
    (b"\x89PNG", found("a PNG picture", CONVERT)),
    (b"\xff\xd8\xff", found("a JPEG picture", CONVERT)),
    (b"GIF8", found("a GIF picture", CONVERT)),
    (b"%PDF", found("a PDF document", AGAIN)),
    (b"\x93NUMPY", found("a NumPy array", CONVERT)),
    (b"\x89HDF", found("an HDF5 file", CONVERT)),
    (b"PAR1", found("a Parquet file", CONVERT)),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"version https://git-lfs", found("a Git LFS pointer", "get the data itself with `git lfs pull`")),
    (b"\x03\x08\0\0", OTHER_ORDER),
    (b"\x01\x08\0\0", OTHER_ORDER),
    (b"<", found("an HTML or XML page (often the error page of a download)", AGAIN)),
];

/// Names what starts with the bytes of `head`.
pub(super) fn describe(head: &[u8]) -> Found {
    // A page or a text may begin with a byte order mark and blank lines.
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if head.get(TAR_MARK..).is_some_and(|rest| rest.starts_with(TAR)) {
        return found("a tar archive", "unpack it with tar xf");
    }
    match SIGNATURES.into_iter().find(|(signature, _)| text.starts_with(signature)) {
        Some((_, found)) => found,
        None if is_text(&text[..text.len().min(TEXT)]) => found("text", AGAIN),
        None if is_zlib(head) => found("a zlib stream", "decompress it (Python's zlib.decompress does)"),
        None => found("data of no known kind", AGAIN),
    }
}

/// Whether the two bytes of a zlib header are there: deflate, a window of at most 32 KiB, no dictionary, and a
/// multiple of 31.
fn is_zlib(head: &[u8]) -> bool {
    let [first, second, ..] = *head else { return false };
    first & 0x0f == 8
        && first >> 4 <= 7
        && second & 0x20 == 0
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

fn is_text(head: &[u8]) -> bool {
    let printable = head.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
    // UTF-8, though the head may end inside a character: that error has no length.
    printable && std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true)
}

/// The first four bytes in hexadecimal, as `xxd` and the IDX format's description write them.
pub(super) fn hex(head: &[u8]) -> String {
    let bytes: Vec<String> = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}
