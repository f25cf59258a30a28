//! Label files: which class each sample has, and which classes there are.

use std::{collections::BTreeMap, path::Path};

use byteorder::{BigEndian, ByteOrder};

use super::{
    DataError, Fault, LabelFault,
    idx::{self, Array, Content, INT32},
};

/// The most classes: a number that keeps every loop over them short on every driver.
pub const MAX_CLASSES: usize = 1_024;
/// Columns of QMNIST's labels; the first one is the class.
const QMNIST_COLUMNS: usize = 8;
/// A class of one sample is taken for damage where the others have this many each, on average.
const USUAL_SAMPLES: usize = 10;

/// The labels of one file, as they are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    array: Array,
}

/// How the numbers of a row say the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The first number is the label.
    First,
    /// The place of the only 1 among zeros is the class.
    OneHot,
}

/// The classes of a data set, from all labels of its training file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The label of class 0.
    pub first: i32,
    /// Labels are `first` to `first + count - 1`.
    pub count: usize,
    /// The labels among them that no training sample has.
    pub missing: Vec<i32>,
    /// The labels that a single training sample has, with its index, where the others have many.
    pub single: Vec<(i32, usize)>,
    form: Form,
    columns: usize,
}

/// Reads a file of labels: one number a sample (unsigned bytes or 32-bit integers), one-hot rows, or
/// QMNIST's rows of eight integers.
///
/// # Errors
/// [`DataError::File`] with the first [`Fault`] that the file has.
pub fn read_labels(path: &Path) -> Result<Labels, DataError> {
    Ok(Labels { array: idx::read(path, Content::Labels)? })
}

/// [`read_labels`] from the bytes of a file; `name` is for messages.
///
/// # Errors
/// As [`read_labels`].
pub(super) fn parse_labels(name: &Path, bytes: &[u8]) -> Result<Labels, DataError> {
    Ok(Labels { array: idx::parse(name, bytes, Content::Labels)? })
}

impl Labels {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.array.dims[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Numbers of a sample.
    fn columns(&self) -> usize {
        self.array.dims.get(1).copied().unwrap_or(1)
    }

    /// The numbers of a sample.
    fn row(&self, sample: usize) -> impl Iterator<Item = i32> {
        let bytes = self.columns() * self.array.element();
        let row = &self.array.bytes[sample * bytes..(sample + 1) * bytes];
        let number = |bytes: &[u8]| match self.array.kind {
            INT32 => BigEndian::read_i32(bytes),
            _ => bytes[0].into(),
        };
        row.chunks_exact(self.array.element()).map(number)
    }

    /// Where in the file a sample's numbers begin.
    fn offset(&self, sample: usize) -> usize {
        self.array.offset(sample * self.columns())
    }

    /// The place of the only 1 among zeros.
    fn one_hot(&self, sample: usize) -> Option<i32> {
        let mut places = self.row(sample).zip(0..).filter(|&(number, _)| number != 0);
        match (places.next(), places.next()) {
            (Some((1, place)), None) => Some(place),
            _ => None,
        }
    }

    /// How the rows say the class. QMNIST's rows might all be one-hot by chance; eight one-hot columns of
    /// integers with the 1 after the first column are no labels of QMNIST.
    fn form(&self) -> Result<Form, Fault> {
        if self.columns() == 1 {
            return Ok(Form::First);
        }
        match (0..self.len()).find(|&sample| self.one_hot(sample).is_none()) {
            None => Ok(Form::OneHot),
            Some(_) if self.array.kind == INT32 && self.columns() == QMNIST_COLUMNS => Ok(Form::First),
            Some(index) => Err(self.not_one_hot(index)),
        }
    }

    fn label(&self, sample: usize, form: Form) -> Result<i32, Fault> {
        let found = match form {
            Form::First => self.row(sample).next(),
            Form::OneHot => self.one_hot(sample),
        };
        found.ok_or_else(|| self.not_one_hot(sample))
    }

    fn not_one_hot(&self, index: usize) -> Fault {
        LabelFault::NotOneHot { offset: self.offset(index), index, columns: self.columns() }.into()
    }
}

impl Classes {
    /// The classes that these labels of a training file make.
    ///
    /// # Errors
    /// [`Fault::Label`] for too many classes, for a lone label far from the others, and for a row of several
    /// numbers that says no class.
    pub fn of(labels: &Labels) -> Result<Self, Fault> {
        let (form, columns) = (labels.form()?, labels.columns());
        let mut counts = BTreeMap::<i32, Count>::new();
        for index in 0..labels.len() {
            let count = counts.entry(labels.label(index, form)?).or_insert(Count { samples: 0, index });
            count.samples += 1;
        }
        let single = singles(&counts);
        if form == Form::First {
            check_lone(labels, &counts, &single)?;
        }
        let (first, last) = match form {
            Form::OneHot => (0, columns as i64 - 1),
            Form::First => {
                (*counts.keys().next().unwrap_or(&0), i64::from(*counts.keys().last().unwrap_or(&0)))
            }
        };
        let count = last - i64::from(first) + 1;
        if count > MAX_CLASSES as i64 {
            return Err(LabelFault::TooManyClasses { first, last, expected: MAX_CLASSES }.into());
        }
        let all = (i64::from(first)..=last).filter_map(|label| i32::try_from(label).ok());
        let missing = all.filter(|label| !counts.contains_key(label)).collect();
        Ok(Classes { first, count: count as usize, missing, single, form, columns })
    }

    /// The class of each sample of a file.
    ///
    /// # Errors
    /// [`Fault::Label`] with the first label that no training sample could have.
    pub fn of_each(&self, labels: &Labels) -> Result<Vec<u16>, Fault> {
        let form = if labels.columns() == self.columns { self.form } else { labels.form()? };
        let class = |index| {
            let found = labels.label(index, form)?;
            let class = usize::try_from(i64::from(found) - i64::from(self.first)).ok();
            class.filter(|&class| class < self.count).map(|class| class as u16).ok_or_else(|| {
                let (first, last) = (self.first, self.last());
                LabelFault::Outside { offset: labels.offset(index), index, found, first, last }.into()
            })
        };
        (0..labels.len()).map(class).collect()
    }

    /// The last label.
    pub fn last(&self) -> i64 {
        i64::from(self.first) + self.count as i64 - 1
    }
}

/// How often a label occurs.
struct Count {
    samples: usize,
    /// The first sample that has it.
    index: usize,
}

/// The labels of a single sample, where the other labels have many.
fn singles(counts: &BTreeMap<i32, Count>) -> Vec<(i32, usize)> {
    let single = counts.iter().filter(|(_, count)| count.samples == 1);
    let single: Vec<_> = single.map(|(&label, count)| (label, count.index)).collect();
    let samples: usize = counts.values().map(|count| count.samples).sum();
    let others = counts.len() - single.len();
    let usual = others > 0 && samples - single.len() >= USUAL_SAMPLES * others;
    if usual { single } else { Vec::new() }
}

/// A damaged byte makes a label that one sample alone has, and mostly none of its neighbours.
fn check_lone(labels: &Labels, counts: &BTreeMap<i32, Count>, single: &[(i32, usize)]) -> Result<(), Fault> {
    let has = |label: Option<i32>| label.is_some_and(|label| counts.contains_key(&label));
    let lone = single.iter().find(|(label, _)| !has(label.checked_sub(1)) && !has(label.checked_add(1)));
    let Some(&(found, index)) = lone else { return Ok(()) };
    let others = || counts.iter().filter(|(_, count)| count.samples > 1).map(|(&label, _)| label);
    let (first, last) = (others().next().unwrap_or(found), others().next_back().unwrap_or(found));
    Err(LabelFault::Lone { offset: labels.offset(index), index, found, first, last }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(labels: &[u8]) -> Labels {
        let dims = vec![labels.len()];
        Labels { array: Array { kind: idx::UNSIGNED_BYTE, dims, bytes: labels.to_vec() } }
    }

    fn integers(columns: usize, numbers: &[i32]) -> Labels {
        let bytes = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        Labels { array: Array { kind: INT32, dims: vec![numbers.len() / columns, columns], bytes } }
    }

    #[test]
    fn classes_go_from_the_lowest_label_to_the_highest() {
        for (labels, first, count, missing) in [
            (&[0, 1, 2][..], 0, 3, vec![]),
            (&[26, 1, 7, 3, 2, 4, 5, 6], 1, 26, (8..26).collect()),
            (&[7, 9], 7, 3, vec![8]),
            (&[255], 255, 1, vec![]),
        ] {
            let classes = Classes::of(&bytes(labels)).unwrap();
            assert_eq!(
                (classes.first, classes.count, classes.missing),
                (first, count, missing),
                "{labels:?}"
            );
        }
        let classes = Classes::of(&integers(1, &[-2, -1, 0, -2])).unwrap();
        assert_eq!((classes.first, classes.count, classes.last()), (-2, 3, 0));
        assert_eq!(classes.of_each(&integers(1, &[0, -2])).unwrap(), [2, 0]);
    }

    #[test]
    fn as_many_classes_as_the_limit_and_no_more() {
        let up_to = |last| (0..=last).collect::<Vec<i32>>();
        assert_eq!(Classes::of(&integers(1, &up_to(1_023))).unwrap().count, 1_024);
        let error = Classes::of(&integers(1, &up_to(1_024))).unwrap_err().to_string();
        assert!(error.contains("0 to 1024, 1025 classes; at most 1024"), "{error}");
        let error = Classes::of(&integers(1, &[i32::MIN, i32::MAX])).unwrap_err().to_string();
        assert!(error.contains("4294967296 classes"), "{error}");
    }

    #[test]
    fn rows_are_one_hot_or_qmnist_s() {
        let one_hot = integers(4, &[0, 1, 0, 0, 1, 0, 0, 0]);
        let classes = Classes::of(&one_hot).unwrap();
        assert_eq!((classes.count, classes.missing.clone()), (4, vec![2, 3]));
        assert_eq!(classes.of_each(&one_hot).unwrap(), [1, 0]);
        // Plain labels of the same classes may test one-hot ones.
        assert_eq!(classes.of_each(&bytes(&[3, 0])).unwrap(), [3, 0]);

        let qmnist =
            integers(8, &[2, 7, 2407, 156, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        let classes = Classes::of(&qmnist).unwrap();
        assert_eq!((classes.first, classes.count), (0, 3));
        assert_eq!(classes.of_each(&qmnist).unwrap(), [2, 1, 0]);
        // One-hot by chance, but the training file says what its columns are.
        let chance = integers(8, &[1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(classes.of_each(&chance).unwrap(), [1]);
        let eight = integers(8, &[0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Classes::of(&eight).unwrap().count, 8);

        for row in [[0, 0, 0], [0, 2, 0], [1, 0, 1], [0, -1, 0]] {
            let error = Classes::of(&integers(3, &[[1, 0, 0], row].concat())).unwrap_err().to_string();
            assert!(error.starts_with("IDX offset 24: the 3 numbers at index 1"), "{error}");
        }
    }

    #[test]
    fn a_lone_label_beyond_a_gap_is_damage() {
        let mut labels: Vec<u8> = (0..200).map(|i| i % 10).collect();
        for (damaged, lone) in [(11, true), (131, true), (255, true), (10, false)] {
            labels[37] = damaged;
            match Classes::of(&bytes(&labels)) {
                Err(error) if lone => {
                    let error = error.to_string();
                    let start = format!("IDX offset 45: label {damaged} at index 37");
                    assert!(error.starts_with(&start) && error.contains("0 to 9"), "{error}");
                }
                Ok(classes) => {
                    assert!(!lone, "{damaged}");
                    assert_eq!((classes.count, classes.single), (11, vec![(10, 37)]));
                }
                Err(error) => panic!("{damaged}: {error}"),
            }
        }
        labels[37] = 7;
        assert!(Classes::of(&bytes(&labels)).unwrap().single.is_empty());
    }
}
