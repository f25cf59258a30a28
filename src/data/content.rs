//! What a file that is not IDX holds instead, by its first bytes.

/// How many first bytes [`describe`] can make use of.
pub(super) const HEAD: usize = 64;

const SIGNATURES: [(&[u8], &str); 21] = [
    (b"\x1f\x8b", "another gzip stream (gzipped twice)"),
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "a bzip2 stream"),
    (b"\xfd7zXZ\0", "an xz stream"),
    (b"\x28\xb5\x2f\xfd", "a zstd stream"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"version https://git-lfs", "a Git LFS pointer (the data itself comes with `git lfs pull`)"),
    (b"\x03\x08\0\0", "IDX written in the wrong byte order"),
    (b"\x01\x08\0\0", "IDX written in the wrong byte order"),
    (b"<", "an HTML or XML page (often the error page of a download)"),
];

/// Names what starts with the bytes of `head`.
pub(super) fn describe(head: &[u8]) -> &'static str {
    // A page or a text may begin with a byte order mark and blank lines.
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match SIGNATURES.iter().find(|(signature, _)| text.starts_with(signature)) {
        Some((_, name)) => name,
        None if is_text(text) => "text",
        None => "data of no known kind",
    }
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
