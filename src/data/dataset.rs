//! Training and test samples as they stand in the files.

use std::path::{Path, PathBuf};

use super::{
    Classes, DataError, Lengths, Samples, Split, Transpose,
    files::{Files, classes},
    idx::read_images_header,
    labels::read_labels,
    names::FileSet,
};

/// A training and a test set of pictures of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// What the network learns from.
    pub train: Samples,
    /// What is held out of the training files.
    pub val: Option<Samples>,
    /// What it is only evaluated on.
    pub test: Samples,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// How many classes the labels of the whole training file make.
    pub classes: usize,
}

impl Dataset {
    /// Loads the four files of a data set from `dir`: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`,
    /// `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, or the same under EMNIST's or QMNIST's names, each
    /// with `.gz` after its name or without; where both are there, the one with `.gz` is read. The content
    /// alone decides whether a file is decompressed. Rows and columns of EMNIST's pictures are swapped.
    ///
    /// # Errors
    /// [`DataError`] if a file is missing; then the first one in the order train, test, and in each of them
    /// images, labels, both together; so the same folder gives the same error every time, though the files are
    /// read side by side.
    pub fn load(dir: &Path) -> Result<Dataset, DataError> {
        Dataset::load_with(dir, Transpose::ByName)
    }

    /// [`Dataset::load`] with a say in whether rows and columns of pictures are swapped.
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn load_with(dir: &Path, transpose: Transpose) -> Result<Dataset, DataError> {
        let files = FileSet::find(dir)?;
        let [train, train_labels, test, test_labels] = files.paths.each_ref().map(PathBuf::as_path);
        let (train, test) = rayon::join(
            || Training::of(Files::load([train, train_labels])?),
            || Files::load([test, test_labels]),
        );
        Dataset::of(train?, test?, transpose.applies(&files))
    }

    /// The same from the bytes of the four files, each of them IDX, gzipped or plain.
    ///
    /// # Errors
    /// As [`Dataset::load`]; the files have the names of MNIST.
    pub fn parse(train: [&[u8]; 2], test: [&[u8]; 2]) -> Result<Dataset, DataError> {
        let paths = |images, labels| [Path::new(images), Path::new(labels)];
        let train = Files::parse(paths("train-images-idx3-ubyte", "train-labels-idx1-ubyte"), train)?;
        let train = Training::of(train)?;
        let test = Files::parse(paths("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"), test)?;
        Dataset::of(train, test, false)
    }

    fn of(
        Training { files: train, classes }: Training,
        test: Files,
        transpose: bool,
    ) -> Result<Dataset, DataError> {
        let (expected, found) = (train.picture(), test.picture());
        if expected != found {
            return Err(DataError::SizesDiffer { train: train.path, test: test.path, expected, found });
        }
        let (rows, cols) = picture_size(expected, transpose);
        let train = train.into_samples(&classes, transpose)?;
        let test = test.into_samples(&classes, transpose)?;
        Ok(Dataset { train, val: None, test, rows, cols, classes: classes.count })
    }

    /// Takes the last `len` training samples away from the training: they validate.
    ///
    /// # Panics
    /// Where there are not so many.
    pub fn hold_out(&mut self, len: usize) {
        let first = self.train.len() - len;
        let inputs = self.train.inputs;
        let labels = self.train.labels.split_off(first);
        self.val = Some(Samples { pixels: self.train.pixels.split_off(first * inputs), labels, inputs });
    }

    /// A set; none where nothing is held out.
    pub fn set(&self, split: Split) -> Option<&Samples> {
        match split {
            Split::Train => Some(&self.train),
            Split::Val => self.val.as_ref(),
            Split::Test => Some(&self.test),
        }
    }

    /// How many samples each set has.
    pub fn lengths(&self) -> Lengths {
        let val = self.val.as_ref().map_or(0, Samples::len);
        Lengths { train: self.train.len(), val, test: self.test.len() }
    }
}

/// The files of the training set, and the classes that they make.
struct Training {
    files: Files,
    classes: Classes,
}

impl Training {
    fn of(files: Files) -> Result<Self, DataError> {
        Ok(Training { classes: files.classes()?, files })
    }
}

/// What the files of a data set declare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Samples of each set.
    pub lengths: Lengths,
    /// Samples of both files: a limit comes after they are read.
    pub stored: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// The classes of the whole training file.
    pub classes: Classes,
    /// What comes before `train` in the files' names, such as `emnist-letters`, or nothing.
    pub family: String,
    /// Whether rows and columns of the pictures are swapped.
    pub transposed: bool,
}

/// What the headers of the image files in `dir` declare, and the classes of the training labels: enough to
/// know the network before the samples are read.
///
/// # Errors
/// [`DataError`] if a file is missing, a header is wrong, or the training labels are.
pub fn declared(dir: &Path, transpose: Transpose) -> Result<Declared, DataError> {
    let files = FileSet::find(dir)?;
    let [train_images, train_labels, test_images, _] = &files.paths;
    let [train, rows, cols] = read_images_header(train_images)?;
    let classes = classes(&read_labels(train_labels)?, train_labels)?;
    let [test, ..] = read_images_header(test_images)?;
    let transposed = transpose.applies(&files);
    let (rows, cols) = picture_size((rows, cols), transposed);
    let lengths = Lengths { train, val: 0, test };
    Ok(Declared { lengths, stored: train + test, rows, cols, classes, family: files.family, transposed })
}

/// Rows and columns of a picture as it is used.
fn picture_size((rows, cols): (usize, usize), transpose: bool) -> (usize, usize) {
    if transpose { (cols, rows) } else { (rows, cols) }
}
