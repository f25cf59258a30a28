//! Training and test samples as they stand in the files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ndarray::ArrayView2;
use serde::Serialize;

use super::{
    DataError, Fault, Images, idx,
    idx::{parse_images, parse_labels, read_images_header},
    read_images, read_labels,
};

/// Classes of MNIST, Fashion-MNIST and KMNIST.
pub const CLASSES: usize = 10;

/// Pictures and their labels, samples as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// (len, inputs), row-major, 0 to 255.
    pub pixels: Vec<u8>,
    /// (len), each below the number of classes.
    pub labels: Vec<u8>,
    /// Pixels of a picture: rows times columns.
    pub inputs: usize,
}

/// The sets of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// The samples that train.
    Train,
    /// Training samples that are held out, to be evaluated only.
    Val,
    /// The samples that are only evaluated.
    Test,
}

/// How many samples each set has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// That train.
    pub train: usize,
    /// That are held out; 0 for none.
    pub val: usize,
    /// That test.
    pub test: usize,
}

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
    /// Labels are 0 to `classes` - 1.
    pub classes: usize,
}

impl Dataset {
    /// Loads `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte` from `dir`, each with `.gz` after its name or without; where both names are
    /// taken, the one with `.gz` is read. The content alone decides whether a file is decompressed.
    ///
    /// # Errors
    /// The first [`DataError`] in the order train, test, and in each of them images, labels, both together;
    /// so the same folder gives the same error every time, though the files are read side by side.
    pub fn load(dir: &Path) -> Result<Dataset, DataError> {
        check_folder(dir)?;
        let (train, test) = rayon::join(|| Files::load(dir, "train"), || Files::load(dir, "t10k"));
        Dataset::of(train?, test?)
    }

    /// The same from the bytes of the four files, each of them IDX, gzipped or plain.
    ///
    /// # Errors
    /// As [`Dataset::load`]; the files have the names of MNIST.
    pub fn parse(train: [&[u8]; 2], test: [&[u8]; 2]) -> Result<Dataset, DataError> {
        Dataset::of(Files::parse("train", train)?, Files::parse("t10k", test)?)
    }

    fn of(train: Files, test: Files) -> Result<Dataset, DataError> {
        let (expected, found) = (train.picture(), test.picture());
        if expected != found {
            return Err(DataError::SizesDiffer { train: train.path, test: test.path, expected, found });
        }
        let (rows, cols) = expected;
        let (train, test) = (train.into_samples(), test.into_samples());
        Ok(Dataset { train, val: None, test, rows, cols, classes: CLASSES })
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

impl Lengths {
    /// Of one set.
    pub fn of(&self, split: Split) -> usize {
        match split {
            Split::Train => self.train,
            Split::Val => self.val,
            Split::Test => self.test,
        }
    }

    /// Of the largest set.
    pub fn largest(&self) -> usize {
        self.train.max(self.val).max(self.test)
    }
}

impl Split {
    /// All of them, in the order in which everything keeps them.
    pub const ALL: [Self; 3] = [Split::Train, Split::Val, Split::Test];

    /// train, val or test
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }
}

impl Samples {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels as a (len, inputs) matrix.
    pub fn matrix(&self) -> ArrayView2<'_, u8> {
        ArrayView2::from_shape((self.len(), self.inputs), &self.pixels)
            .expect("pixels hold a picture for every label")
    }

    /// Keeps the first `len` samples, or all where there are fewer, and gives the memory of the others back.
    pub fn truncate(&mut self, len: usize) {
        let len = len.min(self.len());
        self.labels.truncate(len);
        self.labels.shrink_to_fit();
        self.pixels.truncate(len * self.inputs);
        self.pixels.shrink_to_fit();
    }
}

/// What the headers of a data set declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// Samples of each set.
    pub lengths: Lengths,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// Labels are 0 to `classes` - 1.
    pub classes: usize,
}

/// What the headers of the image files in `dir` declare: enough to know the network before the samples are
/// read.
///
/// # Errors
/// [`DataError`] if a file is missing or its header is wrong.
pub fn declared(dir: &Path) -> Result<Declared, DataError> {
    check_folder(dir)?;
    let ([train, rows, cols], _) = read_named(dir, "train-images-idx3-ubyte", read_images_header)?;
    let ([test, ..], _) = read_named(dir, "t10k-images-idx3-ubyte", read_images_header)?;
    Ok(Declared { lengths: Lengths { train, val: 0, test }, rows, cols, classes: CLASSES })
}

/// The two files of the training or of the test set.
struct Files {
    images: Images,
    labels: Vec<u8>,
    /// Where the images came from.
    path: PathBuf,
}

impl Files {
    fn load(dir: &Path, prefix: &str) -> Result<Files, DataError> {
        let (images, labels) = rayon::join(
            || read_named(dir, &format!("{prefix}-images-idx3-ubyte"), read_images),
            || read_named(dir, &format!("{prefix}-labels-idx1-ubyte"), read_labels),
        );
        let ((images, path), (labels, labels_path)) = (images?, labels?);
        Files::of((images, path), (labels, labels_path))
    }

    fn parse(prefix: &str, [images, labels]: [&[u8]; 2]) -> Result<Files, DataError> {
        let [path, labels_path] =
            ["images-idx3-ubyte", "labels-idx1-ubyte"].map(|name| PathBuf::from(format!("{prefix}-{name}")));
        let (images, labels) = (parse_images(&path, images)?, parse_labels(&labels_path, labels)?);
        Files::of((images, path), (labels, labels_path))
    }

    /// What belongs together.
    fn of(
        (images, path): (Images, PathBuf),
        (labels, labels_path): (Vec<u8>, PathBuf),
    ) -> Result<Files, DataError> {
        if labels.len() != images.count {
            let (expected, found) = (images.count, labels.len());
            return Err(DataError::CountsDiffer { images: path, labels: labels_path, expected, found });
        }
        check_labels(&labels).map_err(|fault| DataError::File { path: labels_path, fault })?;
        Ok(Files { images, labels, path })
    }

    fn picture(&self) -> (usize, usize) {
        (self.images.rows, self.images.cols)
    }

    fn into_samples(self) -> Samples {
        let inputs = self.images.rows * self.images.cols;
        Samples { pixels: self.images.pixels, labels: self.labels, inputs }
    }
}

fn check_folder(dir: &Path) -> Result<(), DataError> {
    match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(DataError::NotAFolder(dir.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DataError::NoFolder(dir.to_owned())),
        Err(error) => Err(DataError::File { path: dir.to_owned(), fault: Fault::Unreadable(error) }),
    }
}

fn read_named<T>(
    dir: &Path,
    name: &str,
    read: fn(&Path) -> Result<T, DataError>,
) -> Result<(T, PathBuf), DataError> {
    let path = locate(dir, name)?;
    Ok((read(&path)?, path))
}

/// The path that is taken, with `.gz` before without. One that cannot be looked at counts as taken, so that
/// reading it reports why.
fn locate(dir: &Path, name: &str) -> Result<PathBuf, DataError> {
    let is_free =
        |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    let (gzipped, plain) = (dir.join(format!("{name}.gz")), dir.join(name));
    match (is_free(&gzipped), is_free(&plain)) {
        (false, _) => Ok(gzipped),
        (true, false) => Ok(plain),
        (true, true) => Err(DataError::Missing { gzipped, plain }),
    }
}

fn check_labels(labels: &[u8]) -> Result<(), Fault> {
    match labels.iter().position(|&label| usize::from(label) >= CLASSES) {
        None => Ok(()),
        Some(index) => Err(Fault::Label {
            offset: idx::label_offset(index),
            index,
            classes: CLASSES,
            found: labels[index],
        }),
    }
}
