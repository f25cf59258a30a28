//! What can be wrong with labels.

/// Why the labels of a file are no classes.
#[derive(Debug, thiserror::Error)]
pub enum LabelFault {
    /// A test label that the training labels leave no class for.
    #[error(
        "IDX offset {offset}: label {found} at index {index}, expected {first} to {last} as in the training \
         labels; take both files from the same data set, or download or copy the file again"
    )]
    Outside {
        /// Where the label is.
        offset: usize,
        /// Which sample it belongs to, from 0.
        index: usize,
        /// The label.
        found: i32,
        /// The lowest training label.
        first: i32,
        /// The highest training label.
        last: i64,
    },
    /// One label far from the others, as a damaged byte makes it.
    #[error(
        "IDX offset {offset}: label {found} at index {index} is the only one of its class, and the other labels \
         are {first} to {last}: the byte is probably damaged; download or copy the file again, or leave the \
         sample out"
    )]
    Lone {
        /// Where the label is.
        offset: usize,
        /// Which sample it belongs to, from 0.
        index: usize,
        /// The label.
        found: i32,
        /// The lowest of the others.
        first: i32,
        /// The highest of the others.
        last: i32,
    },
    /// More classes than a network may have.
    #[error(
        "the labels are {first} to {last}, {} classes; at most {expected} are supported: number the classes \
         without gaps",
        last - i64::from(*first) + 1
    )]
    TooManyClasses {
        /// The lowest label.
        first: i32,
        /// The highest label.
        last: i64,
        /// The most classes.
        expected: usize,
    },
    /// A row of several numbers that says no class.
    #[error(
        "IDX offset {offset}: the {columns} numbers at index {index} are not one-hot, expected one 1 and zeros \
         (or QMNIST's eight 32-bit integers, the class first); give one label a sample"
    )]
    NotOneHot {
        /// Where the row is.
        offset: usize,
        /// Which sample it belongs to, from 0.
        index: usize,
        /// Numbers of a row.
        columns: usize,
    },
}
