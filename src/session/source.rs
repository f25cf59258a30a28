//! Which samples a command works on.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
};

use super::SessionError;
use crate::{
    data::{DataError, Dataset, Declared, Lengths, Split, Transpose, declared},
    plan::MAX_SAMPLES,
};

/// A data set, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSource {
    /// The folder of the IDX files.
    pub folder: PathBuf,
    /// The first training images only.
    pub limit: Option<usize>,
    /// Of them, the last ones are held out.
    pub held_out: Option<usize>,
    /// Whether rows and columns of pictures are swapped.
    pub transpose: Transpose,
}

impl DataSource {
    /// What the headers of the files declare, with the limits applied.
    ///
    /// # Errors
    /// [`SessionError`]: the first fault of the files, or a limit that they do not allow.
    pub fn declared(&self) -> Result<Declared, SessionError> {
        let mut declared = match declared(&self.folder, self.transpose) {
            Ok(declared) => declared,
            // Reading them whole reports faults in the documented order.
            Err(error) => return Err(self.read().err().unwrap_or(error).into()),
        };
        let lengths = &mut declared.lengths;
        let there = lengths.train;
        lengths.train = match self.limit {
            Some(wanted) if wanted > there => return Err(SessionError::TooFew { wanted, there }),
            limit => limit.unwrap_or(there),
        };
        if let Some(held_out) = self.held_out {
            let there = lengths.train;
            if held_out >= there {
                return Err(SessionError::NothingToTrainOn { held_out, there });
            }
            (lengths.train, lengths.val) = (there - held_out, held_out);
        }
        let lengths = declared.lengths;
        match Split::ALL.into_iter().find(|&split| lengths.of(split) > MAX_SAMPLES) {
            None => Ok(declared),
            Some(split) => {
                Err(SessionError::TooMany { split, expected: MAX_SAMPLES, found: lengths.of(split) })
            }
        }
    }

    fn read(&self) -> Result<Dataset, DataError> {
        Dataset::load_with(&self.folder, self.transpose)
    }

    /// Reads the samples of the sets that [`DataSource::declared`] found.
    ///
    /// # Errors
    /// [`SessionError::Data`] with the first fault of the files.
    pub fn load(&self, lengths: Lengths) -> Result<Dataset, SessionError> {
        let mut data = self.read()?;
        data.train.truncate(lengths.train + lengths.val);
        if lengths.val > 0 {
            data.hold_out(lengths.val);
        }
        Ok(data)
    }
}

/// Reads the samples, and does something else meanwhile.
///
/// # Errors
/// As [`DataSource::load`].
pub fn load_while<T: Send>(
    source: &DataSource,
    lengths: Lengths,
    other: impl FnOnce() -> T + Send,
) -> Result<(Arc<Dataset>, T), SessionError> {
    let (data, other) = rayon::join(|| source.load(lengths), other);
    Ok((Arc::new(data?), other))
}

/// Begins to take the fingerprint of the samples; what comes back waits for it.
pub fn fingerprint(data: &Arc<Dataset>) -> impl FnOnce() -> String + use<> {
    let (done, taken) = mpsc::channel();
    let data = data.clone();
    // Nobody waits for it if the run fails meanwhile.
    rayon::spawn(move || drop(done.send(data.sha256())));
    move || taken.recv().expect("a fingerprint is taken of any samples")
}
