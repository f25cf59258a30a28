//! Model files: what is saved is read again, and a good file is never lost.

mod hostile;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};
use shadegrad::{
    cli::Error,
    model::{ModelError, check_writable, load, load_with_metadata, parse, save, weights_sha256, write},
    net::{Init, Parameters, Shape},
};
use tempfile::TempDir;

fn shape(inputs: usize, hidden: &[usize], classes: usize) -> Shape {
    Shape::new(inputs, hidden, classes).unwrap()
}

fn start(shape: &Shape) -> Parameters<f32> {
    Init::Uniform.parameters(shape, 42)
}

/// Enough entries that two hash maps would hardly have the same order.
fn metadata() -> BTreeMap<String, String> {
    (0..20).map(|k| (format!("key {k}"), format!("\"value\" {k}\n"))).collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_is_saved_is_loaded_bit_for_bit() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    for hidden in [&[10][..], &[64, 32], &[1; 12]] {
        let shape = shape(784, hidden, 10);
        let mut parameters = start(&shape);
        parameters.layers[0].bias[0] = -0.0;
        parameters.layers[1].weight[(0, 0)] = f32::from_bits(1);
        save(&path, &parameters, &metadata()).unwrap();
        let loaded = load(&path, &shape).unwrap();
        assert_eq!(weights_sha256(&loaded), weights_sha256(&parameters), "{shape}");
        assert_eq!(names(folder.path()), std::slice::from_ref(&path), "a temporary file is left");
    }
}

#[test]
fn the_library_reads_names_shapes_and_metadata() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let parameters = start(&shape(5, &[3], 2));
    save(&path, &parameters, &metadata()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = file.names();
    names.sort();
    assert_eq!(names, ["layers.0.bias", "layers.0.weight", "layers.1.bias", "layers.1.weight"]);
    let weight = file.tensor("layers.0.weight").unwrap();
    assert_eq!(weight.shape(), [3, 5]);
    assert_eq!(weight.data()[20..24], parameters.layers[0].weight[(1, 0)].to_le_bytes());
    let (header, info) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header % 8, 0);
    assert_eq!(info.metadata().clone().unwrap().into_iter().collect::<BTreeMap<_, _>>(), metadata());
}

#[test]
fn the_fingerprint_is_that_of_the_values_in_the_file() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    // More than ten layers: in the order of their names, layer 10 would come before layer 2.
    let shape = shape(6, &[2; 11], 3);
    let parameters = start(&shape);
    save(&path, &parameters, &metadata()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let values = &bytes[bytes.len() - 4 * shape.parameters()..];
    let hash: String = Sha256::digest(values).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(weights_sha256(&parameters), hash);
}

#[test]
fn the_same_model_has_the_same_bytes() {
    let folder = folder();
    let parameters = start(&shape(5, &[3], 2));
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        save(&path, &parameters, &metadata()).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(bytes("a"), bytes("b"));
}

#[test]
fn a_good_file_is_not_replaced_by_a_bad_one() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let good = start(&shape(5, &[3], 2));
    save(&path, &good, &metadata()).unwrap();
    let before = fs::read(&path).unwrap();
    for (value, text) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let (mut weight, mut bias) = (good.clone(), good.clone());
        weight.layers[0].weight[(2, 4)] = value;
        bias.layers[1].bias[1] = value;
        for (bad, place) in [(weight, "layers.0.weight at (2, 4)"), (bias, "layers.1.bias at 1")] {
            let message = save(&path, &bad, &metadata()).unwrap_err().to_string();
            assert!(message.contains(&format!("{place} is {text}, expected finite")), "{message}");
            assert_eq!(fs::read(&path).unwrap(), before);
            assert_eq!(names(folder.path()), std::slice::from_ref(&path));
        }
    }
}

#[test]
fn a_header_too_long_to_load_is_not_saved() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    let long = BTreeMap::from([("config".to_owned(), "x".repeat(1 << 20))]);
    let message = save(&path, &start(&shape(5, &[3], 2)), &long).unwrap_err().to_string();
    assert!(message.contains("more than 1048576"), "{message}");
    assert_eq!(names(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn paths_that_cannot_be_written_are_found_before_training() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "kept").unwrap();
    fs::write(at("protected"), "kept").unwrap();
    let mut permissions = fs::metadata(at("protected")).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(at("protected"), permissions).unwrap();
    let long = "n".repeat(300);
    for (path, expected) in [
        (PathBuf::new(), "path of the model file is empty"),
        (folder.path().to_owned(), "is a directory, expected a regular file"),
        (at("new/"), "is a directory, expected a regular file"),
        (PathBuf::from(".."), "is a directory, expected a regular file"),
        (at("missing/model"), "no folder"),
        (at("file/model"), "cannot be written"),
        (at("protected"), "is read-only and stays as it is"),
        (at(&long), "cannot be written"),
        (at("nul\0"), "cannot be written"),
        #[cfg(unix)]
        (PathBuf::from("/dev/null"), "is a pipe, a socket or a device, expected a regular file"),
        #[cfg(target_os = "linux")]
        (PathBuf::from("/proc/model.safetensors"), "cannot be written"),
    ] {
        let early = check_writable(&path).unwrap_err().to_string();
        let late = save(&path, &start(&shape(5, &[3], 2)), &metadata()).unwrap_err().to_string();
        let shown = path.to_str().unwrap().replace('\0', r"\u{0}");
        for message in [early, late] {
            assert!(message.contains(expected) && message.contains(&shown), "{message}");
        }
    }
    assert_eq!(names(folder.path()).len(), 2);
    assert_eq!(fs::read(at("file")).unwrap(), b"kept");
}

#[test]
fn a_check_leaves_nothing_behind_and_changes_nothing() {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    check_writable(&path).unwrap();
    check_writable(Path::new("no-such-file-and-no-folder-in-its-path")).unwrap();
    assert_eq!(names(folder.path()), [] as [PathBuf; 0]);
    fs::write(&path, "old").unwrap();
    check_writable(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), [path]);
}

#[cfg(unix)]
#[test]
fn permissions_are_those_of_any_new_file_or_of_the_old_one() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let (plain, model) = (folder.path().join("plain"), folder.path().join("model"));
    fs::write(&plain, "").unwrap();
    let parameters = start(&shape(5, &[3], 2));
    save(&model, &parameters, &metadata()).unwrap();
    assert_eq!(mode(&model), mode(&plain));
    for kept in [0o640, 0o666, 0o600] {
        fs::set_permissions(&model, PermissionsExt::from_mode(kept)).unwrap();
        save(&model, &parameters, &metadata()).unwrap();
        assert_eq!(mode(&model), kept);
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_a_link() {
    let folder = folder();
    let (target, link) = (folder.path().join("sub/target"), folder.path().join("link"));
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink("sub/target", &link).unwrap();
    let shape = shape(5, &[3], 2);
    save(&link, &start(&shape), &metadata()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(load(&target, &shape).unwrap(), start(&shape));
}

#[test]
fn what_is_no_file_is_not_loaded() {
    let folder = folder();
    for (path, expected) in [
        (PathBuf::new(), "path of the model file is empty"),
        (folder.path().join("missing"), "no such file"),
        (folder.path().to_owned(), "is a directory, expected a regular file"),
        #[cfg(unix)]
        (PathBuf::from("/dev/zero"), "is a pipe, a socket or a device, expected a regular file"),
    ] {
        let error = load(&path, &shape(5, &[3], 2)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(Error::from(error).exit_status(), 3);
    }
}

/// The error keeps what the system said.
#[test]
fn a_system_error_is_the_source() {
    let error = check_writable(Path::new("nul\0")).unwrap_err();
    assert!(matches!(error, ModelError::Write { .. }));
    assert!(std::error::Error::source(&error).is_some());
}

/// A model is bytes; files are its edge.
#[test]
fn the_bytes_of_a_model_are_those_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let shape = Shape::new(7, &[5], 3).unwrap();
    let parameters = Init::Uniform.parameters(&shape, 1);
    let metadata = BTreeMap::from([("program".to_owned(), "a test".to_owned())]);
    save(&path, &parameters, &metadata).unwrap();
    let mut bytes = Vec::new();
    write(&mut bytes, &parameters, &metadata).unwrap();
    assert_eq!(bytes, fs::read(&path).unwrap());
    let parsed = parse(Path::new("upload"), &bytes, &shape).unwrap();
    assert_eq!(parsed, load_with_metadata(&path, &shape).unwrap());
    let error = parse(Path::new("upload"), &bytes[..bytes.len() - 1], &shape).unwrap_err();
    assert!(matches!(error, ModelError::Truncated { .. }) && error.to_string().contains("upload"), "{error}");
}
