//! Other data sets than MNIST through the command line: their names, classes and labels, and what is said of
//! them.

use std::{collections::BTreeMap, fs};

use shadegrad::{model, net::Shape};
use tempfile::TempDir;

use super::{
    common::{
        self,
        idx::{idx, idx_of},
    },
    harness::*,
    shaders::fused_step_for,
};

/// A folder with a data set of `classes` classes, its files renamed and its labels changed.
fn folder(classes: usize, names: fn(&str) -> String, labels: impl Fn(&[u16]) -> Vec<u8>) -> TempDir {
    let data = common::data::dataset_of(classes, 4, 4, 40 * classes, 400);
    let folder = common::folder(&data);
    for (split, samples) in [("train", &data.train), ("t10k", &data.test)] {
        let place = |name: String| folder.path().join(name);
        fs::write(place(format!("{split}-labels-idx1-ubyte")), labels(&samples.labels)).unwrap();
        for file in [format!("{split}-images-idx3-ubyte"), format!("{split}-labels-idx1-ubyte")] {
            fs::rename(place(file.clone()), place(names(&file))).unwrap();
        }
    }
    folder
}

fn unchanged(name: &str) -> String {
    name.to_owned()
}

/// An IDX file of bytes.
fn bytes(labels: &[u16], first: u8) -> Vec<u8> {
    let labels: Vec<u8> = labels.iter().map(|&label| label as u8 + first).collect();
    idx(&[labels.len() as u32], &labels)
}

/// QMNIST's file: eight integers a sample.
fn qmnist(labels: &[u16]) -> Vec<u8> {
    let numbers = |&label: &u16| [u32::from(label), 4, 2_407, 156, 0, 0, 7, 0].map(u32::to_be_bytes).concat();
    idx_of(0x0c, &[labels.len() as u32, 8], &labels.iter().flat_map(numbers).collect::<Vec<_>>())
}

#[test]
fn letters_train_everywhere_and_are_turned_with_a_word() {
    let name = |name: &str| format!("emnist-letters-{}", name.replace("t10k", "test"));
    let folder = folder(26, name, |labels| bytes(labels, 1));
    for device in
        [&["--device", "cpu"][..], &["--device", "gpu", "--plan", "layerwise"], &["--device", "gpu"]]
    {
        let args = [&["--data", path_text(folder.path()), "--iters", "3", "--json"], device].concat();
        let run = run(&args).status(0).has_narrow_notes();
        assert_eq!(run.start()["data"]["classes"], 26);
        let run = run.says(&["rows and columns are swapped", "emnist-letters", "--transpose=no"]);
        let run = run.says(&["labels are 1 to 26: class 0 of the network is label 1"]);
        assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    }
    let sha = |more: &[&str]| {
        let args = ["--data", path_text(folder.path()), "--iters", "3", "--device", "cpu", "--json"];
        let run = run(&[&args, more].concat()).status(0);
        (run.end()["weights_sha256"].clone(), run.stderr.contains("swapped"))
    };
    let (by_name, turned, straight) = (sha(&[]), sha(&["--transpose"]), sha(&["--transpose=no"]));
    assert_eq!((&by_name, by_name.1, straight.1), (&turned, true, false));
    assert_ne!(by_name.0, straight.0);
}

#[test]
fn qmnist_trains_in_both_plans_and_on_the_cpu() {
    let name =
        |name: &str| format!("qmnist-{}", name.replace("t10k", "test").replace("idx1-ubyte", "idx2-int"));
    let (data, plain) = (folder(10, name, qmnist), folder(10, unchanged, |labels| bytes(labels, 0)));
    let mut ways = vec![&["--device", "cpu"][..], &["--plan", "layerwise"]];
    ways.extend(fused_step_for("QMNIST in the fused plan").map(|_| &["--plan", "fused"][..]));
    for device in ways {
        let sha = |folder: &TempDir| {
            let args = ["--data", path_text(folder.path()), "--iters", "4", "--json"];
            run(&[&args, device].concat()).status(0).end()["weights_sha256"].clone()
        };
        assert_eq!(sha(&data), sha(&plain), "{device:?}");
    }
}

#[test]
fn the_fused_plan_refuses_too_many_classes_with_the_number() {
    let folder = folder(200, unchanged, |labels| bytes(labels, 0));
    let args = ["--data", path_text(folder.path()), "--iters", "2", "--device", "gpu"];
    let run_auto = run(&[&args[..], &["--json"]].concat()).status(0);
    assert_eq!(
        (run_auto.start()["plan"].as_str(), &run_auto.start()["data"]["classes"]),
        (Some("layerwise"), &200.into())
    );
    if fused_step_for("too many classes for the fused plan").is_none() {
        return;
    }
    run(&[&args[..], &["--plan", "fused"]].concat()).status(2).says(&[
        "--plan fused serves",
        "200 classes; with this layer at most ",
        "--plan layerwise",
    ]);
}

#[test]
fn a_model_file_keeps_the_labels_and_they_are_compared() {
    let (from_1, from_0) =
        (folder(12, unchanged, |labels| bytes(labels, 1)), folder(12, unchanged, |labels| bytes(labels, 0)));
    let ten = folder(10, unchanged, |labels| bytes(labels, 0));
    let out = temporary();
    let model = inside(&out, "model");
    let train = |data: &TempDir, more: &[&str]| {
        run(&[&["--data", path_text(data.path()), "--device", "cpu", "--iters", "1", "-q"], more].concat())
    };
    train(&from_1, &["--save", &model]).status(0);
    let shape = Shape::new(16, &[10], 12).unwrap();
    let (_, metadata): (_, BTreeMap<String, String>) =
        model::load_with_metadata(model.as_ref(), &shape).unwrap();
    assert_eq!((&*metadata["classes"], &*metadata["first-label"]), ("12", "1"));
    let same = train(&from_1, &["--init", &model]).status(0);
    assert!(!same.stderr.contains("warning"), "{}", same.stderr);
    train(&from_0, &["--init", &model])
        .status(0)
        .says(&["model was trained on labels from 1 on, and those of these data begin at 0"]);
    train(&ten, &["--init", &model]).status(3).says(&["16 inputs and 12 classes", "16 and 10"]);
}

#[test]
fn gaps_and_rare_classes_are_warnings() {
    let gap =
        folder(6, unchanged, |labels| bytes(&labels.iter().map(|l| l + 2 * (l / 3)).collect::<Vec<_>>(), 0));
    let train = |data: &TempDir| run(&["--data", path_text(data.path()), "--device", "cpu", "--iters", "1"]);
    train(&gap)
        .status(0)
        .says(&["warning: no training label is 3 or 4, of 0 to 7: the network gets 8 classes"]);
    let one = folder(3, unchanged, |labels| bytes(&vec![0; labels.len()], 7));
    train(&one)
        .status(0)
        .says(&["warning: all training labels are 7: with one class there is nothing to learn"]);
    let rare = folder(3, unchanged, |labels| {
        let mut labels = labels.to_vec();
        labels[2] = 3;
        bytes(&labels, 0)
    });
    train(&rare).status(0).says(&["label 3 at index 2 of the training labels is the only one of its class"]);
}

#[test]
fn labels_that_are_no_class_end_with_status_3_and_their_index() {
    let damaged = folder(10, unchanged, |labels| {
        let mut labels = labels.to_vec();
        labels[41] = 10 + 128;
        bytes(&labels, 0)
    });
    let train = |data: &TempDir| run(&["--data", path_text(data.path()), "--device", "cpu", "--iters", "1"]);
    // Training and test files of 400 samples: the training file is the one that is read first.
    train(&damaged).status(3).says(&["train-labels-idx1-ubyte", "label 138 at index 41", "0 to 9"]);
    let test = folder(9, unchanged, |labels| {
        let mut labels = labels.to_vec();
        if labels.len() == 400 {
            labels[17] = 9
        }
        bytes(&labels, 0)
    });
    train(&test).status(3).says(&["t10k-labels-idx1-ubyte", "label 9 at index 17, expected 0 to 8"]);
}

#[test]
fn a_class_that_a_set_lacks_is_a_warning_that_names_the_flag() {
    let sorted = folder(10, unchanged, |labels| {
        let mut labels = labels.to_vec();
        labels.sort_unstable();
        bytes(&labels, 0)
    });
    let train = |more: &[&str]| {
        run(&[&["--data", path_text(sorted.path()), "--device", "cpu", "--iters", "1"], more].concat())
            .status(0)
    };
    assert!(!train(&[]).stderr.contains("warning"));
    let held_out = train(&["--val", "60"]);
    held_out.says(&[
        "warning: none of the 60 validation images has label 0, 1, 2, 3, 4, 5, 6 or 7: --val takes the last",
    ]);
    train(&["--limit", "100"])
        .says(&["none of the 100 training images has label", ": --limit takes the first images"]);
    let both = train(&["--limit", "50", "--val", "10"]);
    both.says(&["none of the 40 training images", "none of the 10 validation images"]);
}

#[test]
fn two_sets_in_a_folder_are_refused() {
    let folder = folder(10, unchanged, |labels| bytes(labels, 0));
    fs::write(folder.path().join("qmnist-train-images-idx3-ubyte.gz"), "").unwrap();
    run(&["--data", path_text(folder.path())]).status(3).says(&[
        "more than one data set",
        "qmnist-train-images-idx3-ubyte.gz",
        "keep one set in a folder",
    ]);
}

/// Headers alone say so: nothing is read of the pictures.
#[test]
fn more_images_than_a_plan_can_count_are_refused_with_the_flag() {
    let many: u32 = 15_360_001;
    for (split, flag) in [("train", "--limit 15360000"), ("t10k", "make a smaller test file")] {
        let folder = folder(2, unchanged, |labels| bytes(labels, 0));
        let place = |what: &str| folder.path().join(format!("{split}-{what}-ubyte"));
        fs::write(place("images-idx3"), idx(&[many, 4, 4], &[])).unwrap();
        fs::write(place("labels-idx1"), idx(&[many], &[])).unwrap();
        let labels = fs::OpenOptions::new().write(true).open(place("labels-idx1")).unwrap();
        labels.set_len(8 + u64::from(many)).unwrap();
        let name = if split == "train" { "train" } else { "test" };
        run(&["--data", path_text(folder.path()), "--device", "cpu"])
            .status(2)
            .says(&[&format!("15360001 {name} images; at most 15360000 are supported"), flag]);
    }
}
