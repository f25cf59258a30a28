//! Pictures with their labels, and the sets that they come in.

use ndarray::ArrayView2;
use serde::Serialize;

/// Pictures and their labels, samples as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// (len, inputs), row-major, 0 to 255.
    pub pixels: Vec<u8>,
    /// (len), the class of each: its label less the first label of the data set, below the number of classes.
    pub labels: Vec<u16>,
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
