//! Data sets in folders.

use std::fs;

use shadegrad::data::Dataset;
use tempfile::TempDir;

use super::idx::idx;

/// A folder with the data set in plain IDX files.
pub fn folder(data: &Dataset) -> TempDir {
    // Those in statics are never removed: they stay where `cargo clean` finds them.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    let [rows, cols] = [data.rows, data.cols].map(|side| side as u32);
    for (name, samples) in [("train", &data.train), ("t10k", &data.test)] {
        let count = samples.len() as u32;
        let labels: Vec<u8> = samples.labels.iter().map(|&label| label as u8).collect();
        for (kind, bytes) in [
            ("images-idx3", idx(&[count, rows, cols], &samples.pixels)),
            ("labels-idx1", idx(&[count], &labels)),
        ] {
            let path = folder.path().join(format!("{name}-{kind}-ubyte"));
            fs::write(path, bytes).expect("an IDX file is written");
        }
    }
    folder
}
