//! What the command line's tests and those of the training share: small data, and the binary.

use std::{fs, path::Path};

use assert_cmd::Command;
use shadegrad::data::Dataset;
use tempfile::TempDir;

pub mod data;

pub use data::dataset;

/// Longer than any run here takes on a slow machine: a run that hangs fails its test.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(300);

/// The binary, with nothing in its environment that would choose a device for it.
pub fn shadegrad() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shadegrad"));
    command.env_remove("WGPU_BACKEND").env_remove("WGPU_ADAPTER_NAME").env("NO_COLOR", "1").timeout(TIMEOUT);
    command
}

/// A folder with the data set in plain IDX files.
pub fn folder(data: &Dataset) -> TempDir {
    // Those in statics are never removed: they stay where `cargo clean` finds them.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for (name, samples) in [("train", &data.train), ("t10k", &data.test)] {
        let images = folder.path().join(format!("{name}-images-idx3-ubyte"));
        write_idx(&images, &[samples.len(), data.rows, data.cols], &samples.pixels);
        let labels = folder.path().join(format!("{name}-labels-idx1-ubyte"));
        let bytes: Vec<u8> = samples.labels.iter().map(|&label| label as u8).collect();
        write_idx(&labels, &[samples.len()], &bytes);
    }
    folder
}

fn write_idx(path: &Path, sides: &[usize], values: &[u8]) {
    let mut bytes = vec![0, 0, 8, sides.len() as u8];
    for &side in sides {
        bytes.extend((side as u32).to_be_bytes());
    }
    bytes.extend(values);
    fs::write(path, bytes).expect("an IDX file is written");
}
