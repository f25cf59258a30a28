//! The names that the data sets of the MNIST family come under: `train-images-idx3-ubyte` (MNIST,
//! Fashion-MNIST, KMNIST), `train-images.idx3-ubyte`, `emnist-letters-train-images-idx3-ubyte`,
//! `qmnist-test-labels-idx2-int`, each with `.gz` after it or without.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use super::{DataError, Fault};

/// The four files of a data set, each once, all of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileSet {
    /// What comes before `train` in the names: `emnist-letters`, or nothing.
    pub family: String,
    /// Images and labels of the training set, then of the test set.
    pub paths: [PathBuf; 4],
}

/// A file's part in its set: training images, training labels, test images, test labels.
type Part = usize;

/// A name of the family, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    family: &'a str,
    part: Part,
    /// The name without `.gz`.
    plain: &'a str,
}

impl FileSet {
    /// Looks for the files in a folder. Where a name is there with `.gz` and without, the one with `.gz` is
    /// taken.
    ///
    /// # Errors
    /// [`DataError`] if the folder cannot be listed, if a file is missing, or if there are two for one part.
    pub fn find(folder: &Path) -> Result<Self, DataError> {
        let names = list(folder)?;
        let mut found: BTreeMap<(Part, &str), &str> = BTreeMap::new();
        let mut families = BTreeMap::new();
        // `x` sorts before `x.gz`, which so replaces it.
        for (name, file) in names.iter().filter_map(|file| Some((Name::of(file)?, file))) {
            found.insert((name.part, name.plain), file);
            families.entry(name.family).or_insert(file);
        }
        if families.len() > 1 {
            let found = families.values().map(|file| (*file).clone()).collect();
            return Err(DataError::SeveralSets { folder: folder.to_owned(), found });
        }
        let family = families.keys().next().copied().unwrap_or("");
        let mut paths = Vec::new();
        for part in 0..4 {
            let files: Vec<_> = found.range((part, "")..(part + 1, "")).map(|(_, file)| *file).collect();
            match files[..] {
                [file] => paths.push(folder.join(file)),
                [] => return Err(missing(folder, family, part)),
                _ => {
                    let found = files.into_iter().map(str::to_owned).collect();
                    return Err(DataError::SeveralSets { folder: folder.to_owned(), found });
                }
            }
        }
        let paths = paths.try_into().expect("four parts");
        Ok(FileSet { family: family.to_owned(), paths })
    }

    /// Whether the family stores its pictures transposed, rows as columns: EMNIST does.
    pub fn is_transposed(&self) -> bool {
        self.family.starts_with("emnist")
    }
}

/// Whether a data set's file may have this name.
pub fn is_data_file(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| Name::of(name).is_some())
}

impl<'a> Name<'a> {
    /// Takes `[FAMILY-](train|t10k|test)-(images|labels)(-|.)idxN-(ubyte|int)[.gz]` apart.
    fn of(file: &'a str) -> Option<Self> {
        let plain = file.strip_suffix(".gz").unwrap_or(file);
        let (start, kind) = plain.rsplit_once("idx").filter(|_| !plain.starts_with('.'))?;
        if !matches!(kind, "1-ubyte" | "2-ubyte" | "3-ubyte" | "1-int" | "2-int") {
            return None;
        }
        let start = start.strip_suffix(['-', '.'])?;
        let (start, labels) = match start.strip_suffix("-images") {
            Some(start) => (start, 0),
            None => (start.strip_suffix("-labels")?, 1),
        };
        let (family, split) = start.rsplit_once('-').unwrap_or(("", start));
        let test = match split {
            "train" => 0,
            "t10k" | "test" => 2,
            _ => return None,
        };
        Some(Name { family, part: test + labels, plain })
    }
}

/// The names in a folder that are UTF-8, sorted.
fn list(folder: &Path) -> Result<BTreeSet<String>, DataError> {
    let unreadable = |error| DataError::File { path: folder.to_owned(), fault: Fault::Unreadable(error) };
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(DataError::NotAFolder(folder.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(DataError::NoFolder(folder.to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    }
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string());
    }
    Ok(names)
}

/// What to call a missing file, after the others of its set.
fn missing(folder: &Path, family: &str, part: Part) -> DataError {
    let (dash, test) = if family.is_empty() { ("", "t10k") } else { ("-", "test") };
    let split = if part < 2 { "train" } else { test };
    let what = match part % 2 {
        0 => "images-idx3-ubyte",
        _ if family == "qmnist" => "labels-idx2-int",
        _ => "labels-idx1-ubyte",
    };
    let plain = folder.join(format!("{family}{dash}{split}-{what}"));
    let gzipped = folder.join(format!("{family}{dash}{split}-{what}.gz"));
    DataError::Missing { gzipped, plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_s_names_are_taken_apart() {
        for (file, family, part) in [
            ("train-images-idx3-ubyte", "", 0),
            ("train-labels-idx1-ubyte.gz", "", 1),
            ("t10k-images.idx3-ubyte", "", 2),
            ("t10k-labels.idx1-ubyte", "", 3),
            ("test-images-idx3-ubyte", "", 2),
            ("emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters", 0),
            ("emnist-byclass-test-labels-idx1-ubyte", "emnist-byclass", 3),
            ("qmnist-train-labels-idx2-int.gz", "qmnist", 1),
            ("train-labels-idx2-ubyte", "", 1),
        ] {
            let name = Name::of(file).expect(file);
            assert_eq!((name.family, name.part), (family, part), "{file}");
        }
    }

    #[test]
    fn other_names_are_not() {
        for file in [
            "._train-images-idx3-ubyte",
            ".x-train-images-idx3-ubyte",
            "train-images-idx3-ubyte.bak",
            "train-images-idx3-ubyte.gz.part",
            "emnist-letters-mapping.txt",
            "qmnist-test-labels.tsv.gz",
            "train-imagesidx3-ubyte",
            "val-images-idx3-ubyte",
            "images-idx3-ubyte",
            "idx3-ubyte",
            "",
        ] {
            assert_eq!(Name::of(file), None, "{file}");
        }
    }
}
