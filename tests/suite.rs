//! The suite itself: what is written in one place only, and what `tests/run` says.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The sources of the tests, by their paths, without comments.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("suite.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                found.push((path, code.collect::<Vec<_>>().join("\n")));
            }
        }
    }
    found
}

/// Where a word is.
fn with(word: &str) -> Vec<PathBuf> {
    let here = sources().into_iter().filter(|(_, code)| code.to_lowercase().contains(word));
    here.map(|(path, _)| path).collect()
}

/// A test that starts the binary by hand may start it on another adapter than the suite's.
#[test]
fn the_binary_is_started_in_one_place() {
    let [only] = &with("cargo_bin_exe")[..] else { panic!("{:?}", with("cargo_bin_exe")) };
    assert!(only.ends_with("common/binary.rs"), "{only:?}");
}

#[test]
fn no_test_knows_a_driver_by_name() {
    for driver in ["llvmpipe", "lavapipe", "swiftshader", "nvidia", "radeon", "radv", "geforce"] {
        assert_eq!(with(driver), [] as [PathBuf; 0], "{driver}");
    }
}

#[cfg(unix)]
#[test]
fn an_unknown_program_of_the_tests_is_told_with_those_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = std::process::Command::new(root.join("tests/run")).arg("kernel").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
    assert!(output.stdout.is_empty() && message.contains("`kernel`"), "{message}");
    let mut names = vec!["lib".to_owned(), "doc".to_owned()];
    for item in fs::read_dir(root.join("tests")).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").exists() {
            names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    let listed = message.trim_end().rsplit_once("there are ").expect(&message).1;
    let mut listed: Vec<_> = listed.split(' ').map(str::to_owned).collect();
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}
