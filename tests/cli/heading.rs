//! What a training says before its table, and the width of all lines.

use super::*;

/// The values of a heading by their names, lines joined.
fn heading(stdout: &str) -> Vec<(String, String)> {
    let mut items: Vec<(String, String)> = Vec::new();
    for line in stdout.lines().take_while(|line| !line.trim_start().starts_with("iter ")) {
        let (name, value) = line.split_at(9);
        match items.last_mut().filter(|_| name.trim().is_empty()) {
            Some((_, before)) => before.push_str(&format!(" {value}")),
            None => items.push((name.trim().to_owned(), value.to_owned())),
        }
    }
    items
}

#[test]
fn a_heading_says_what_is_trained_on_what_and_how() {
    let recipe =
        ["--hidden", "9,8", "--batch", "60", "--optimizer", "adamw", "--alpha", "0.25", "--seed", "77"];
    let more =
        ["--val", "113", "--epochs", "2", "--schedule", "cosine", "--activation", "gelu", "--init", "he"];
    for (device, plan) in [("cpu", "cpu"), ("gpu", "layerwise")] {
        let args = [&["--device", device][..], &recipe, &more].concat();
        let stdout = run(&args).status(0).stdout;
        let items = heading(&stdout);
        let names: Vec<_> = items.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["network", "data", "recipe", "device", "plan", "sha256"]);
        let value = |name: &str| &items.iter().find(|(item, _)| item == name).expect(name).1;
        assert_eq!(value("network"), "35-9-8-10, gelu, 494 parameters");
        assert!(
            value("data")
                .starts_with("500 training, 113 validation and 101 test images of 7 x 5, 10 classes")
        );
        for part in ["adamw", "rate 0.25", "batch 60", "seed 77", "cosine", "weight decay 0.01", "start he"] {
            assert!(value("recipe").contains(part), "{part}: {}", value("recipe"));
        }
        assert_eq!(value("plan"), plan);
        let mut held_out = common::dataset(7, 5, TRAIN, TEST);
        held_out.hold_out(113);
        assert_eq!(*value("sha256"), format!("{} (data)", held_out.sha256()));
        let widest = |line: &&str| line.chars().count();
        let table = stdout.lines().skip_while(|line| !line.contains("train%"));
        let table: Vec<_> = table.take_while(|line| !line.contains("iterations")).collect();
        assert_eq!(table.len(), 4, "{stdout}");
        assert!(table.iter().all(|line| widest(line) <= 60), "{stdout}");
        let first = stdout.lines().take_while(|line| !line.contains("train%"));
        assert!(first.max_by_key(widest).is_some_and(|line| widest(&line) <= 80), "{stdout}");
    }
}

#[test]
fn notes_before_the_table_fit_a_terminal() {
    for plan in ["layerwise", "fused"] {
        run(&["--device", "gpu", "--plan", plan, "--iters", "1"]).status(0).has_narrow_notes();
    }
}

/// The recipe is read while the driver loads, and where it does not.
#[cfg(target_os = "linux")]
#[test]
fn network_data_and_recipe_come_before_the_driver() {
    let run = Run::of(without_driver(&["--device", "gpu", "--seed", "5"])).status(4);
    let names: Vec<_> = heading(&run.stdout).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["network", "data", "recipe"]);
}

#[test]
fn the_fingerprint_is_that_of_the_data_and_of_nothing_else() {
    let sha256 = |args: &[&str]| {
        let args = [&["--device", "cpu", "--iters", "0", "--json"], args].concat();
        run(&args).status(0).start()["data"]["sha256"].clone()
    };
    let whole = sha256(&[]);
    assert_eq!(whole, sha256(&["--seed", "9", "--hidden", "3", "--limit", "613"]));
    let others = [sha256(&["--limit", "612"]), sha256(&["--val", "1"]), sha256(&["--val", "2"])];
    for (place, other) in others.iter().enumerate() {
        assert!(*other != whole && !others[..place].contains(other), "{other}");
    }
    let mut changed = common::dataset(7, 5, TRAIN, TEST);
    changed.test.labels[TEST - 1] ^= 1;
    let folder = common::folder(&changed);
    assert_ne!(whole, sha256(&["--data", path_text(folder.path())]));
}
