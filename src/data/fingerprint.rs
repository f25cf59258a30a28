//! One line that says whether two runs saw the same data.

use sha2::{Digest, Sha256};

use super::{Dataset, Split};

impl Dataset {
    /// The SHA-256, in lower-case hexadecimal, of what a training sees, whatever files it came from: rows and
    /// columns of a picture, then for each set (training, held out, test) the number of its samples, all pixels
    /// and all labels. Numbers are little-endian, labels of 32 and all others of 64 bits; a set that is not
    /// there has no samples.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let number = |hash: &mut Sha256, value: usize| hash.update((value as u64).to_le_bytes());
        number(&mut hash, self.rows);
        number(&mut hash, self.cols);
        for split in Split::ALL {
            let samples = self.set(split);
            number(&mut hash, samples.map_or(0, |samples| samples.len()));
            if let Some(samples) = samples {
                hash.update(&samples.pixels);
                samples.labels.iter().for_each(|&label| hash.update(u32::from(label).to_le_bytes()));
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
