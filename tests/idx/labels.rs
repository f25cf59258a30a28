//! Labels in every form that is read, and what is wrong with some.

use std::fs;

use shadegrad::{
    data::{Dataset, Transpose},
    session::DataSource,
};
use tempfile::TempDir;

use super::{NAMES, idx, idx_of};

/// A file of 32-bit integers.
fn integers(dims: &[u32], numbers: &[i32]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    idx_of(0x0c, dims, &bytes)
}

/// Pictures of one pixel with these label files.
fn folder(count: u32, train: Vec<u8>, test_count: u32, test: Vec<u8>) -> TempDir {
    let dir = TempDir::new().unwrap();
    let pictures = |count: u32| idx(&[count, 1, 1], &vec![9; count as usize]);
    for (name, bytes) in NAMES.iter().zip([pictures(count), train, pictures(test_count), test]) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn load(count: u32, train: Vec<u8>, test_count: u32, test: Vec<u8>) -> Result<Dataset, String> {
    let dir = folder(count, train, test_count, test);
    let folder = format!("{}/", dir.path().display());
    Dataset::load(dir.path()).map_err(|error| error.to_string().replace(&folder, ""))
}

#[test]
fn bytes_integers_one_hot_and_qmnist_say_the_same() {
    let rows = [[2, 1], [0, 5], [1, 0]].map(|[class, more]| [class, more, 2_407, -1, 0, 7, 0, 0]).concat();
    let one_hot = [0, 0, 1, 1, 0, 0, 0, 1, 0];
    let forms = [
        idx(&[3], &[2, 0, 1]),
        idx(&[3, 1], &[2, 0, 1]),
        integers(&[3], &[2, 0, 1]),
        integers(&[3], &[1_002, 1_000, 1_001]),
        integers(&[3, 8], &rows),
        idx(&[3, 3], &one_hot),
        integers(&[3, 3], &one_hot.map(i32::from)),
    ];
    for form in forms {
        let data = load(3, form.clone(), 3, form).unwrap();
        assert_eq!((data.classes, &data.train.labels[..]), (3, &[2, 0, 1][..]));
        assert_eq!(data.test.labels, data.train.labels);
    }
}

/// Of the whole file, whatever a training leaves of it.
#[test]
fn classes_are_those_of_the_training_file() {
    for (first, classes) in [(1, 26), (0, 47), (0, 62), (100, 100)] {
        let labels: Vec<u8> = (0..classes).map(|class| first + class).collect();
        let dir = folder(classes.into(), idx(&[classes.into()], &labels), 1, idx(&[1], &[first]));
        let transpose = Transpose::No;
        let source =
            DataSource { folder: dir.path().to_owned(), limit: Some(3), held_out: Some(1), transpose };
        let data = source.load(source.declared().unwrap().lengths).unwrap();
        assert_eq!((&data.train.labels[..], data.test.labels[0]), (&[0, 1][..], 0));
        assert_eq!(data.classes, usize::from(classes));
    }
    let labels: Vec<i32> = (1..=300).rev().collect();
    let data = load(300, integers(&[300], &labels), 2, integers(&[2], &[300, 1])).unwrap();
    assert_eq!((data.classes, data.train.labels[0], &data.test.labels[..]), (300, 299, &[299, 0][..]));
}

#[test]
fn what_is_no_class_is_refused_with_its_place() {
    let ten: Vec<u8> = (0..200).map(|i| i % 10).collect();
    let damaged = |at: usize, label: u8| {
        let mut labels = ten.clone();
        labels[at] = label;
        idx(&[200], &labels)
    };
    for (train, test, expected) in [
        (
            damaged(77, 0x83),
            idx(&[1], &[3]),
            "train-labels-idx1-ubyte: IDX offset 85: label 131 at index 77 is the only one of its class, and the \
             other labels are 0 to 9: the byte is probably damaged",
        ),
        (
            idx(&[200], &ten),
            idx(&[1], &[10]),
            "t10k-labels-idx1-ubyte: IDX offset 8: label 10 at index 0, expected 0 to 9 as in the training labels",
        ),
        (
            integers(&[200], &(0..200).map(|i| i * 30).collect::<Vec<_>>()),
            idx(&[1], &[0]),
            "train-labels-idx1-ubyte: the labels are 0 to 5970, 5971 classes; at most 1024 are supported",
        ),
        (
            idx(&[200, 2], &[[1, 0].repeat(199), vec![1, 1]].concat()),
            idx(&[1], &[0]),
            "train-labels-idx1-ubyte: IDX offset 410: the 2 numbers at index 199 are not one-hot",
        ),
        (
            integers(&[200, 3], &[0, 0, 1].repeat(200)),
            idx(&[1, 3], &[0, 0, 0]),
            "t10k-labels-idx1-ubyte: IDX offset 12: the 3 numbers at index 0 are not one-hot",
        ),
    ] {
        let error = load(200, train, 1, test).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_fingerprint_sees_every_class() {
    let labels = idx(&[3], &[5, 7, 6]);
    let sha256 = |train: Vec<u8>, test: Vec<u8>| load(3, train, 3, test).unwrap().sha256();
    let all = sha256(labels.clone(), labels.clone());
    assert_eq!(all, sha256(labels.clone(), idx(&[3, 1], &[5, 7, 6])), "the form of the labels is no matter");
    assert_ne!(all, sha256(idx(&[3], &[5, 6, 7]), labels.clone()));
    assert_ne!(all, sha256(labels, idx(&[3], &[5, 6, 7])));
}
