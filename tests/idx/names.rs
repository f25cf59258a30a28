//! The names that the family's data sets come under, and folders with more than one set.

use std::{fs, path::Path};

use shadegrad::data::{Dataset, Transpose};
use tempfile::TempDir;

use super::{NAMES, gzip, idx, images, labels};

/// A folder with the small data set under these names; those that end in `.gz` are gzipped.
fn named(names: [&str; 4]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in names.iter().zip([images(), labels(), images(), labels()]) {
        let bytes = if name.ends_with(".gz") { gzip(&bytes) } else { bytes };
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn load(dir: &Path) -> Dataset {
    Dataset::load(dir).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_family_is_found_by_its_names() {
    let plain = load(named(NAMES).path());
    for names in [
        [
            "train-images.idx3-ubyte",
            "train-labels.idx1-ubyte",
            "t10k-images.idx3-ubyte",
            "t10k-labels.idx1-ubyte",
        ],
        ["train-images.idx3-ubyte.gz", NAMES[1], NAMES[2], "t10k-labels.idx1-ubyte"],
        [
            "kmnist-train-images-idx3-ubyte",
            "kmnist-train-labels-idx1-ubyte",
            "kmnist-test-images-idx3-ubyte",
            "kmnist-test-labels-idx1-ubyte",
        ],
        [
            "qmnist-train-images-idx3-ubyte.gz",
            "qmnist-train-labels-idx2-int.gz",
            "qmnist-test-images-idx3-ubyte.gz",
            "qmnist-test-labels-idx2-int.gz",
        ],
    ] {
        let dir = named(names);
        // What lies about is not looked at.
        fs::write(dir.path().join("emnist-letters-mapping.txt"), "1 65").unwrap();
        fs::write(dir.path().join(".x-train-images-idx3-ubyte"), "").unwrap();
        fs::write(dir.path().join("train-images-idx3-ubyte.bak"), "").unwrap();
        assert_eq!(load(dir.path()), plain, "{names:?}");
    }
}

#[test]
fn emnist_is_turned_unless_told_otherwise() {
    let names = ["train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1"];
    let names = names.map(|name| format!("emnist-digits-{name}-ubyte.gz"));
    let (emnist, mnist) = (named(names.each_ref().map(|name| name.as_str())), named(NAMES));
    let load = |dir: &TempDir, transpose| Dataset::load_with(dir.path(), transpose).unwrap();
    let (straight, turned) = (load(&mnist, Transpose::ByName), load(&mnist, Transpose::Yes));
    assert_eq!((straight.rows, straight.cols, turned.rows, turned.cols), (2, 3, 3, 2));
    assert_eq!(turned.train.pixels, [0, 3, 1, 4, 2, 5, 250, 253, 251, 254, 252, 255]);
    assert_eq!(turned.test.pixels, turned.train.pixels);
    for (transpose, expected) in
        [(Transpose::ByName, &turned), (Transpose::Yes, &turned), (Transpose::No, &straight)]
    {
        assert_eq!(load(&emnist, transpose), *expected, "{transpose:?}");
    }
    assert_eq!(load(&mnist, Transpose::No), straight);
}

#[test]
fn a_missing_file_is_named_as_its_set_names_it() {
    for (names, gone, expected) in [
        (NAMES, 3, "t10k-labels-idx1-ubyte"),
        (
            [
                "qmnist-train-images-idx3-ubyte",
                "qmnist-train-labels-idx2-int",
                "qmnist-test-images-idx3-ubyte",
                "qmnist-test-labels-idx2-int",
            ],
            1,
            "qmnist-train-labels-idx2-int",
        ),
        (
            [
                "emnist-mnist-train-images-idx3-ubyte",
                "emnist-mnist-train-labels-idx1-ubyte",
                "emnist-mnist-test-images-idx3-ubyte",
                "emnist-mnist-test-labels-idx1-ubyte",
            ],
            2,
            "emnist-mnist-test-images-idx3-ubyte",
        ),
    ] {
        let dir = named(names);
        fs::remove_file(dir.path().join(names[gone])).unwrap();
        let path = dir.path().join(expected).display().to_string();
        let found = Dataset::load(dir.path()).unwrap_err().to_string();
        assert_eq!(found, format!("{path}.gz: no such file, nor {path} without .gz"));
    }
}

#[test]
fn two_sets_in_a_folder_are_refused_whichever_is_whole() {
    for (other, named_too) in [
        ("emnist-letters-test-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte"),
        ("qmnist-train-labels-idx2-int", "t10k-images-idx3-ubyte"),
        ("train-images.idx3-ubyte", "train-images-idx3-ubyte"),
        ("test-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte"),
        ("train-labels-idx2-int", "train-labels-idx1-ubyte"),
    ] {
        let dir = named(NAMES);
        fs::write(dir.path().join(other), idx(&[1], &[0])).unwrap();
        let found = Dataset::load(dir.path()).unwrap_err().to_string();
        assert!(found.contains("more than one data set, or one under two names: "), "{found}");
        assert!(found.contains(other) && found.contains(named_too), "{found}");
    }
}
