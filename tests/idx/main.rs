//! Hostile data files: each failure by its message, and no panic whatever the bytes.

#[path = "../common/idx.rs"]
mod bytes;
mod faults;
mod folder;
mod hostile;
mod labels;
mod names;
mod payload;

use std::{fmt::Debug, fs, io::Write, path::Path};

use bytes::{idx, idx_of};
use flate2::{Compression, write::GzEncoder};
use shadegrad::data::DataError;
use tempfile::TempDir;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];
const AGAIN: &str = "; download or copy the file again";

/// What is wrong, the bytes, and the message after the path, `@` standing for [`AGAIN`].
type Case<'a> = (&'a str, Vec<u8>, &'a str);

/// Two pictures of 2 x 3.
fn images() -> Vec<u8> {
    idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255])
}

/// Their two labels.
fn labels() -> Vec<u8> {
    idx(&[2], &[7, 9])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes` with those from `at` on replaced.
fn with(mut bytes: Vec<u8>, at: usize, new: &[u8]) -> Vec<u8> {
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

fn cut(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.truncate(len);
    bytes
}

fn plus(mut bytes: Vec<u8>, more: &[u8]) -> Vec<u8> {
    bytes.extend(more);
    bytes
}

/// Gives each case's bytes to `read` and requires the whole message.
fn check<T: Debug>(read: fn(&Path) -> Result<T, DataError>, cases: &[Case]) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    for (what, bytes, expected) in cases {
        fs::write(&path, bytes).unwrap();
        let found = read(&path).expect_err(what).to_string();
        let expected = format!("{}: {}", path.display(), expected.replace('@', AGAIN));
        assert_eq!(found, expected, "{what}");
    }
}
