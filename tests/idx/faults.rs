//! What is wrong with one file: each fault by its whole message.

use shadegrad::data::{read_images, read_labels};

use super::{check, cut, gzip, idx, images, labels, with};

#[test]
fn short_headers() {
    let ends = |found, expected| {
        format!("IDX offset {found}: the header ends here, expected {expected} bytes of it@")
    };
    let empty = "is empty, expected an IDX file; download it again";
    check(read_images, &[("no byte", vec![], empty)]);
    check(read_labels, &[("no byte", vec![], empty)]);
    check(read_images, &[("nothing gzipped", gzip(&[]), &ends(0, 16))]);
    check(read_labels, &[("nothing gzipped", gzip(&[]), &ends(0, 8))]);
    for len in 1..16 {
        check(read_images, &[("plain", cut(images(), len), &ends(len, 16))]);
        check(read_images, &[("gzipped", gzip(&cut(images(), len)), &ends(len, 16))]);
    }
    for len in 1..8 {
        check(read_labels, &[("plain", cut(labels(), len), &ends(len, 8))]);
        check(read_labels, &[("gzipped", gzip(&cut(labels(), len)), &ends(len, 8))]);
    }
}

#[test]
fn other_content() {
    let page = "an HTML or XML page (often the error page of a download)@";
    let pickle = "a Python pickle; convert the data to IDX";
    let order = "IDX written in the wrong byte order; write its header big-endian";
    let zlib = "a zlib stream; decompress it (Python's zlib.decompress does)";
    let tar = [&b"train-images-idx3-ubyte\0"[..], &[b'0'; 233], b"ustar\x0000"].concat();
    let cases: [(&[u8], &str, &str); 37] = [
        (b"<!DOCTYPE html><html>404</html>", "3c 21 44 4f", page),
        (b"\r\n  <HTML><body>", "0d 0a 20 20", page),
        (b"\xef\xbb\xbf<html>", "ef bb bf 3c", page),
        (b"<?xml version=\"1.0\"?><Error/>", "3c 3f 78 6d", page),
        (b"PK\x03\x04\x14\0", "50 4b 03 04", "a zip archive; unpack it with unzip"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "37 7a bc af", "a 7z archive; unpack it with 7z x"),
        (b"BZh91AY&SY", "42 5a 68 39", "a bzip2 stream; decompress it with bzip2 -d"),
        (b"\xfd7zXZ\0\0\x04", "fd 37 7a 58", "an xz stream; decompress it with xz -d"),
        (b"\x5d\0\0\x80\0\xff", "5d 00 00 80", "an lzma stream; decompress it with xz -d --format=lzma"),
        (b"\x28\xb5\x2f\xfd\x24", "28 b5 2f fd", "a zstd stream; decompress it with zstd -d"),
        (&tar, "74 72 61 69", "a tar archive; unpack it with tar xf"),
        (b"\x78\x9c\x63\x60\0", "78 9c 63 60", zlib),
        (b"\x78\x01\x63\x60\0", "78 01 63 60", zlib),
        (b"\x78\xda\x63\x60\0", "78 da 63 60", zlib),
        (b"\x48\x89\x63\x60\0", "48 89 63 60", zlib),
        (b"x^2 + 1", "78 5e 32 20", "text@"),
        (b"\x78\x9d\x63\x60\0", "78 9d 63 60", "data of no known kind@"),
        (b"\x89PNG\r\n\x1a\n", "89 50 4e 47", "a PNG picture; convert the data to IDX"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "ff d8 ff e0", "a JPEG picture; convert the data to IDX"),
        (b"GIF89a", "47 49 46 38", "a GIF picture; convert the data to IDX"),
        (b"%PDF-1.7", "25 50 44 46", "a PDF document@"),
        (b"\x93NUMPY\x01\0", "93 4e 55 4d", "a NumPy array; convert the data to IDX"),
        (b"\x89HDF\r\n\x1a\n", "89 48 44 46", "an HDF5 file; convert the data to IDX"),
        (b"PAR1\x15\x04", "50 41 52 31", "a Parquet file; convert the data to IDX"),
        (b"\x80\x04\x95", "80 04 95", pickle),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "76 65 72 73",
            "a Git LFS pointer; get the data itself with `git lfs pull`",
        ),
        (b"\x03\x08\0\0\x02\0\0\0", "03 08 00 00", order),
        (b"\x01\x08\0\0\x02\0\0\0", "01 08 00 00", order),
        (b"label,1x1,1x2\n5,0,0\n", "6c 61 62 65", "text@"),
        ("Größe".as_bytes(), "47 72 c3 b6", "text@"),
        // 65 bytes: the last character is cut by the 64 that are looked at.
        ("aöööööööööööööööööööööööööööööööö".as_bytes(), "61 c3 b6 c3", "text@"),
        (b"a", "61", "text@"),
        (b"\x1f", "1f", "data of no known kind@"),
        (b"\x1f\x8c\x08\0", "1f 8c 08 00", "data of no known kind@"),
        (b"\0\x01\x08\x03\0\0\0\x02", "00 01 08 03", "data of no known kind@"),
        (b"\x01\0\x08\x03\0\0\0\x02", "01 00 08 03", "data of no known kind@"),
        (b"\xc3\x28\xa0\xa1", "c3 28 a0 a1", "data of no known kind@"),
    ];
    for (bytes, found, content) in cases {
        let text = |magic: &str, container: &str| {
            let found = format!("IDX offset 0: starts with {found}, expected {magic} of an IDX file");
            format!("{found}; it is {container}{content}")
        };
        check(read_images, &[(content, bytes.to_vec(), &text("00 00 08 03", ""))]);
        check(read_images, &[(content, gzip(bytes), &text("00 00 08 03", "a gzip of "))]);
        check(read_labels, &[(content, bytes.to_vec(), &text("00 00 08 01", ""))]);
    }
    let twice = "IDX offset 0: starts with 1f 8b 08 00, expected 00 00 08 03 of an IDX file; it is a gzip of \
                 another gzip stream (gzipped twice); decompress it once with gzip -d";
    check(read_images, &[("gzip in gzip", gzip(&gzip(&images())), twice)]);
}

#[test]
fn element_types() {
    let text = |found: &str| {
        format!(
            "IDX offset 2: element type {found}, expected 0x08 (unsigned byte); \
             convert the data to bytes of 0 to 255"
        )
    };
    let cases = [
        (0x00, "0x00 (unknown to IDX)"),
        (0x09, "0x09 (signed byte)"),
        (0x0a, "0x0a (unknown to IDX)"),
        (0x0b, "0x0b (16-bit integer)"),
        (0x0c, "0x0c (32-bit integer)"),
        (0x0d, "0x0d (32-bit float)"),
        (0x0e, "0x0e (64-bit float)"),
        (0xff, "0xff (unknown to IDX)"),
    ];
    let of_labels = |found: &str| {
        format!(
            "IDX offset 2: element type {found}, expected 0x08 (unsigned byte) or 0x0c (32-bit integer); \
             convert the labels to one of them"
        )
    };
    for (code, found) in cases {
        check(read_images, &[(found, with(images(), 2, &[code]), &text(found))]);
        check(read_images, &[(found, gzip(&with(images(), 2, &[code])), &text(found))]);
        let integers = "IDX offset 10: the data end here, expected 8 bytes after the header, found 2@";
        let of_labels = if code == 0x0c { integers.to_owned() } else { of_labels(found) };
        check(read_labels, &[(found, with(labels(), 2, &[code]), &of_labels)]);
    }
}

#[test]
fn dimensions() {
    for found in [0, 2, 4, 255] {
        let text = |expected: &str, what: &str| {
            let found = format!("IDX offset 3: {found} dimensions, expected {expected}");
            format!("{found}; other shapes cannot be read, convert the {what}")
        };
        let number = [found];
        let of_images = text("3 (count, rows, columns)", "data");
        check(read_images, &[("images", with(images(), 3, &number), &of_images)]);
        if found != 2 {
            let of_labels =
                text("1 (count) or 2 (count, columns: one-hot, or the eight of QMNIST)", "labels");
            check(read_labels, &[("labels", with(labels(), 3, &number), &of_labels)]);
        }
    }
    let labels_given = "IDX offset 3: 1 dimension, expected 3: a label file given as images; \
                        check that the names of the two files are not swapped";
    let images_given = "IDX offset 3: 3 dimensions, expected 1 or 2: an image file given as labels; \
                        check that the names of the two files are not swapped";
    let swapped = [("plain", labels(), labels_given), ("gzipped", gzip(&labels()), labels_given)];
    check(read_images, &swapped);
    let swapped = [("plain", images(), images_given), ("gzipped", gzip(&images()), images_given)];
    check(read_labels, &swapped);
}

#[test]
fn zero_and_huge_dimensions() {
    let zero = |offset, axis| format!("IDX offset {offset}: the number of {axis} is 0, expected at least 1@");
    let picture = |found: u64| format!("IDX offset 8: {found} pixels a picture, expected at most 262144@");
    let payload = |found: u64| {
        format!(
            "IDX offset 4: the header declares {found} bytes of data, expected at most 1073741824; \
             use fewer samples or download or copy the file again"
        )
    };
    let short = |start: u64, expected: u64| {
        format!("IDX offset {start}: the data end here, expected {expected} bytes after the header, found 0@")
    };
    const MAX: u32 = u32::MAX;
    let cases: [(&[u32], String); 16] = [
        (&[0, 28, 28], zero(4, "samples")),
        (&[5, 0, 28], zero(8, "rows")),
        (&[5, 28, 0], zero(12, "columns")),
        (&[0, 0, 0], zero(4, "samples")),
        (&[MAX, 0, MAX], zero(8, "rows")),
        (&[1, 1, (1 << 18) + 1], picture((1 << 18) + 1)),
        (&[1, 513, 512], picture(513 * 512)),
        (&[1, MAX, 1], picture(MAX.into())),
        (&[1, MAX, MAX], picture(u64::from(MAX) * u64::from(MAX))),
        (&[MAX, MAX, MAX], picture(u64::from(MAX) * u64::from(MAX))),
        (&[(1 << 12) + 1, 512, 512], payload((1 << 30) + (1 << 18))),
        (&[(1 << 30) + 1, 1, 1], payload((1 << 30) + 1)),
        (&[MAX, 28, 28], payload(3_367_254_359_280)),
        (&[MAX, 512, 512], payload(u64::from(MAX) << 18)),
        (&[1 << 12, 512, 512], short(16, 1 << 30)),
        (&[1, 512, 512], short(16, 1 << 18)),
    ];
    for (dims, text) in cases {
        check(read_images, &[("images", idx(dims, &[]), &text)]);
        check(read_images, &[("gzipped images", gzip(&idx(dims, &[])), &text)]);
    }
    let cases: [(&[u32], String); 8] = [
        (&[0], zero(4, "samples")),
        (&[(1 << 30) + 1], payload((1 << 30) + 1)),
        (&[MAX], payload(MAX.into())),
        (&[1 << 30], short(8, 1 << 30)),
        (&[0, 3], zero(4, "samples")),
        (&[3, 0], zero(8, "columns")),
        (&[MAX, MAX], payload(u64::from(MAX) * u64::from(MAX))),
        (&[1 << 20, 1_024], short(12, 1 << 30)),
    ];
    for (dims, text) in cases {
        check(read_labels, &[("labels", idx(dims, &[]), &text)]);
    }
    let integers = with(idx(&[1 << 28], &[]), 2, &[0x0c]);
    check(read_labels, &[("integers", integers, &short(8, 1 << 30))]);
    let integers = with(idx(&[(1 << 28) + 1], &[]), 2, &[0x0c]);
    check(read_labels, &[("integers", integers, &payload((1 << 30) + 4))]);
}
