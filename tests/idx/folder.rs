//! The four files together: names, counts, sizes, labels, and what is loaded when all is well.

use std::{fs, path::Path};

use shadegrad::data::{Dataset, read_images, read_labels};
use tempfile::TempDir;

use super::{NAMES, gzip, idx, images, labels};

/// A folder with a small data set, `change` done to it.
fn folder(change: impl FnOnce(&Path)) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, bytes) in NAMES.iter().zip([images(), labels(), images(), labels()]) {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    change(dir.path());
    dir
}

/// Requires that loading a changed folder fails with `expected`, where `DIR` stands for the folder.
fn check_folder(expected: &str, change: impl FnOnce(&Path)) {
    let dir = folder(change);
    let found = Dataset::load(dir.path()).expect_err(expected).to_string();
    assert_eq!(found, expected.replace("DIR", &dir.path().display().to_string()));
}

#[test]
fn folders_and_names() {
    let dir = TempDir::new().unwrap();
    let (absent, file) = (dir.path().join("absent"), dir.path().join("file"));
    fs::write(&file, "").unwrap();
    let load = |path: &Path| Dataset::load(path).unwrap_err().to_string();
    assert_eq!(load(&absent), format!("{}: no such folder", absent.display()));
    assert_eq!(load(&file), format!("{}: not a folder", file.display()));
    let found = read_images(&absent).unwrap_err().to_string();
    assert_eq!(found, format!("{}: no such file; check the path", absent.display()));
    let found = read_labels(&file.join("inside")).unwrap_err().to_string();
    assert!(found.contains("inside: cannot be read: ") || cfg!(windows), "{found}");
    for name in NAMES {
        check_folder(&format!("DIR/{name}.gz: no such file, nor DIR/{name} without .gz"), |dir| {
            fs::remove_file(dir.join(name)).unwrap()
        });
        check_folder(
            &format!(
                "DIR/{name}.gz: is a directory, expected a regular file; put the file itself in its place"
            ),
            |dir| fs::create_dir(dir.join(format!("{name}.gz"))).unwrap(),
        );
    }
}

#[cfg(unix)]
#[test]
fn unusual_files() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let name = "t10k-images-idx3-ubyte";
    let replace = |dir: &Path, target: &str| {
        fs::remove_file(dir.join(name)).unwrap();
        symlink(target, dir.join(name)).unwrap();
    };
    let not_regular = format!(
        "DIR/{name}: is a pipe, a socket or a device, expected a regular file; put the file itself in its place"
    );
    check_folder(&not_regular, |dir| replace(dir, "/dev/zero"));
    check_folder(&not_regular, |dir| {
        fs::remove_file(dir.join(name)).unwrap();
        drop(UnixListener::bind(dir.join(name)).unwrap());
    });
    check_folder(&format!("DIR/{name}: no such file; check the path"), |dir| replace(dir, "nowhere"));
    let dir = folder(|dir| replace(dir, name));
    let found = Dataset::load(dir.path()).unwrap_err().to_string();
    assert!(found.contains(": cannot be read: "), "a link to itself: {found}");
}

#[test]
fn files_that_disagree() {
    let write = |path: &str, bytes: Vec<u8>| {
        let name = path.trim_start_matches("DIR/").to_owned();
        move |dir: &Path| fs::write(dir.join(name), bytes).unwrap()
    };
    let next = "take both files from the same data set";
    for split in ["train", "t10k"] {
        let (images, labels) =
            (format!("DIR/{split}-images-idx3-ubyte"), format!("DIR/{split}-labels-idx1-ubyte"));
        let counts = |found, expected| {
            format!("{labels}: {found} labels, expected {expected}, one for each picture of {images}; {next}")
        };
        check_folder(&counts(2, 3), write(&images, idx(&[3, 2, 3], &[0; 18])));
        check_folder(&counts(1, 2), write(&labels, idx(&[1], &[0])));
    }
    let outside = |index: usize, label: u8, bytes: [u8; 2]| {
        let text = format!(
            "DIR/t10k-labels-idx1-ubyte: IDX offset {}: label {label} at index {index}, expected 7 to 9 as in the \
             training labels; take both files from the same data set, or download or copy the file again",
            8 + index
        );
        check_folder(&text, write("DIR/t10k-labels-idx1-ubyte", idx(&[2], &bytes)));
    };
    for (index, label, bytes) in [(0, 10, [10, 255]), (1, 255, [8, 255]), (0, 0, [0, 10]), (1, 6, [9, 6])] {
        outside(index, label, bytes);
    }
    let sizes = |found| {
        format!(
            "DIR/t10k-images-idx3-ubyte: pictures of {found}, expected 2 x 3 as in \
             DIR/train-images-idx3-ubyte; {next}"
        )
    };
    check_folder(&sizes("3 x 2"), write(NAMES[2], idx(&[2, 3, 2], &[0; 12])));
    check_folder(&sizes("1 x 3"), write(NAMES[2], idx(&[2, 1, 3], &[0; 6])));
}

#[test]
fn the_first_of_many_errors_is_told() {
    for (first, name) in NAMES.iter().enumerate() {
        for _ in 0..50 {
            check_folder(&format!("DIR/{name}: is empty, expected an IDX file; download it again"), |dir| {
                NAMES[first..].iter().for_each(|name| fs::write(dir.join(name), "").unwrap());
            });
        }
    }
}

#[test]
fn plain_and_gzipped_sets_load_equal() {
    let plain = Dataset::load(folder(|_| {}).path()).unwrap();
    assert_eq!((plain.rows, plain.cols, plain.classes), (2, 3, 3));
    assert_eq!((plain.train.len(), plain.train.inputs), (2, 6));
    assert_eq!(plain.train.pixels, [0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]);
    assert_eq!(plain.test.labels, [0, 2], "labels from 7 on");
    let path = |dir: &Path, name: &str| dir.join(format!("{name}.gz"));
    let gzipped = folder(|dir| {
        for name in NAMES {
            let bytes = fs::read(dir.join(name)).unwrap();
            fs::write(path(dir, name), gzip(&bytes)).unwrap();
            // Where both names are taken, the one without .gz is not even opened.
            fs::write(dir.join(name), "not read").unwrap();
        }
    });
    assert_eq!(Dataset::load(gzipped.path()).unwrap(), plain);
    let misnamed = folder(|dir| {
        fs::rename(dir.join(NAMES[0]), path(dir, NAMES[0])).unwrap();
        fs::write(dir.join(NAMES[1]), gzip(&labels())).unwrap();
    });
    assert_eq!(Dataset::load(misnamed.path()).unwrap(), plain);
}

#[test]
fn truncate_keeps_pixels_and_labels_together() {
    let full = Dataset::load(folder(|_| {}).path()).unwrap().train;
    for (len, kept) in [(0, 0), (1, 1), (2, 2), (3, 2), (usize::MAX, 2), (usize::MAX / 6 + 2, 2)] {
        let mut samples = full.clone();
        samples.truncate(len);
        assert_eq!((samples.len(), samples.pixels.len()), (kept, kept * 6), "truncate({len})");
        assert_eq!(samples.matrix().dim(), (kept, 6));
    }
}

#[test]
fn the_bundled_mnist() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let Dataset { train, val: _, test, rows, cols, classes } = Dataset::load(&data).unwrap();
    assert_eq!((rows, cols, classes, train.inputs), (28, 28, 10, 784));
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    let sum = |pixels: &[u8]| pixels.iter().map(|&pixel| u64::from(pixel)).sum::<u64>();
    let histogram = |labels: &[u16]| {
        let mut counts = [0; 10];
        labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
        counts
    };
    assert_eq!(histogram(&train.labels), [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    assert_eq!(histogram(&test.labels), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    assert_eq!(train.labels[..5], [5, 0, 4, 1, 9]);
    assert_eq!((sum(&train.pixels), sum(&test.pixels)), (1_567_298_545, 264_923_200));
    assert_eq!((sum(&train.pixels[..784]), sum(&test.pixels[test.pixels.len() - 784..])), (27_525, 41_833));
}

/// From bytes with the same checks as from files. The test set is another one than the training set.
#[test]
fn the_bytes_of_the_files_are_the_data_set() {
    let dir = folder(|dir| {
        fs::write(dir.join(NAMES[2]), idx(&[1, 2, 3], &[9; 6])).unwrap();
        fs::write(dir.join(NAMES[3]), idx(&[1], &[8])).unwrap();
    });
    let bytes = NAMES.map(|name| fs::read(dir.path().join(name)).unwrap());
    let [train, train_labels, test, test_labels] = bytes.each_ref().map(|bytes| &bytes[..]);
    let parsed = Dataset::parse([train, train_labels], [test, test_labels]).unwrap();
    assert_eq!(parsed, Dataset::load(dir.path()).unwrap());
    assert_eq!((parsed.train.len(), parsed.test.len()), (2, 1));
    let error = Dataset::parse([train, train_labels], [test, &test_labels[1..]]).unwrap_err().to_string();
    assert!(error.starts_with("t10k-labels-idx1-ubyte: "), "{error}");
    let error = Dataset::parse([train, test_labels], [test, test_labels]).unwrap_err().to_string();
    assert!(
        error.contains("1 labels, expected 2, one for each picture of train-images-idx3-ubyte"),
        "{error}"
    );
}
