//! What the command line's tests and those of the training share: small data, and the binary.

use std::{fs, path::Path};

use assert_cmd::Command;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use shadegrad::data::{Dataset, Samples};
use tempfile::TempDir;

/// Longer than any run here takes on a slow machine: a run that hangs fails its test.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(300);

/// The labels that the files may hold.
pub const CLASSES: usize = 10;

/// The binary, with nothing in its environment that would choose a device for it.
pub fn shadegrad() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shadegrad"));
    command.env_remove("WGPU_BACKEND").env("NO_COLOR", "1").timeout(TIMEOUT);
    command
}

/// Noise, brighter in a place that the label chooses: easy to learn, the same for the same seed.
fn samples(len: usize, inputs: usize, seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut pixels, mut labels) = (Vec::with_capacity(len * inputs), Vec::with_capacity(len));
    for _ in 0..len {
        let label = random.next_u32() as usize % CLASSES;
        labels.push(label as u8);
        pixels.extend((0..inputs).map(|pixel| {
            let bright = pixel * CLASSES / inputs == label;
            (random.next_u32() % 128) as u8 + if bright { 127 } else { 0 }
        }));
    }
    Samples { pixels, labels, inputs }
}

/// A data set of `rows` x `cols` pictures.
pub fn dataset(rows: usize, cols: usize, train: usize, test: usize) -> Dataset {
    let inputs = rows * cols;
    let (train, test) = (samples(train, inputs, 1), samples(test, inputs, 2));
    Dataset { train, val: None, test, rows, cols, classes: CLASSES }
}

/// A folder with the data set in plain IDX files.
pub fn folder(data: &Dataset) -> TempDir {
    // Those in statics are never removed: they stay where `cargo clean` finds them.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
    for (name, samples) in [("train", &data.train), ("t10k", &data.test)] {
        let images = folder.path().join(format!("{name}-images-idx3-ubyte"));
        write_idx(&images, &[samples.len(), data.rows, data.cols], &samples.pixels);
        let labels = folder.path().join(format!("{name}-labels-idx1-ubyte"));
        write_idx(&labels, &[samples.len()], &samples.labels);
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
