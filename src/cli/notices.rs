//! What a training says about its data before it starts: gaps among the classes, classes that a set lacks,
//! pictures whose rows and columns are swapped.

use std::path::Path;

use super::TrainArgs;
use crate::{
    data::{Classes, Dataset, Declared, Split},
    report::{note, warn},
    visible::shown,
};

/// Labels of a list that are named; of the others there is only the number.
const NAMED: usize = 10;

/// Warns of what is odd, and says whether their rows and columns are swapped.
pub(super) fn announce(args: &TrainArgs, declared: &Declared, data: &Dataset) {
    if declared.transposed && !args.quiet {
        let why = match args.data.transpose {
            None => {
                let family = shown(Path::new(&declared.family));
                format!("for {family}; --transpose=no keeps them")
            }
            Some(_) => "(--transpose)".into(),
        };
        note(&format!("rows and columns are swapped {why}"));
    }
    let classes = &declared.classes;
    if classes.first != 0 && !args.quiet {
        let (first, last) = (classes.first, classes.last());
        note(&format!("labels are {first} to {last}: class 0 of the network is label {first}"));
    }
    of_classes(classes).iter().for_each(|text| warn(text));
    of_sets(args, classes, data).iter().for_each(|text| warn(text));
}

/// What is odd about the labels of the whole training file.
fn of_classes(classes: &Classes) -> Vec<String> {
    let mut texts = Vec::new();
    if classes.count == 1 {
        texts.push(format!(
            "all training labels are {}: with one class there is nothing to learn",
            classes.first
        ));
    }
    if !classes.missing.is_empty() {
        texts.push(format!(
            "no training label is {}, of {} to {}: the network gets {} classes all the same",
            list(&classes.missing),
            classes.first,
            classes.last(),
            classes.count
        ));
    }
    for (label, index) in &classes.single {
        texts.push(format!(
            "label {label} at index {index} of the training labels is the only one of its class: is it damaged?"
        ));
    }
    texts
}

/// Classes that the training file has and a set lacks.
fn of_sets(args: &TrainArgs, classes: &Classes, data: &Dataset) -> Vec<String> {
    let lacking = |split: Split| {
        let labels = &data.set(split)?.labels;
        let mut has = vec![false; classes.count];
        labels.iter().for_each(|&class| has[usize::from(class)] = true);
        let label = |class: usize| classes.first + class as i32;
        let lacks: Vec<_> = (0..classes.count)
            .filter(|&class| !has[class])
            .map(label)
            .filter(|label| !classes.missing.contains(label))
            .collect();
        (!lacks.is_empty()).then(|| lacks_text(args, split, labels.len(), &lacks))
    };
    Split::ALL.into_iter().filter_map(lacking).collect()
}

fn lacks_text(args: &TrainArgs, split: Split, len: usize, lacks: &[i32]) -> String {
    let (set, flags) = match (split, args.data.limit, args.val) {
        (Split::Val, ..) => ("validation", Some("--val takes the last images")),
        (Split::Train, Some(_), Some(_)) => {
            ("training", Some("--limit takes the first images, and --val the last of them"))
        }
        (Split::Train, Some(_), None) => ("training", Some("--limit takes the first images")),
        (Split::Train, None, _) => ("training", Some("--val takes the last images")),
        (Split::Test, ..) => ("test", None),
    };
    let why = flags.map_or(String::new(), |flags| {
        format!(": {flags}, and the files may be sorted by class; shuffle them, or take more")
    });
    format!("none of the {len} {set} images has label {}{why}", list(lacks))
}

/// `3, 5 or 7`
fn list(labels: &[i32]) -> String {
    let named: Vec<_> = labels.iter().take(NAMED).map(i32::to_string).collect();
    match (&named[..], labels.len()) {
        (_, count) if count > NAMED => format!("{} or one of {} more", named.join(", "), count - NAMED),
        ([most @ .., last], _) if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        _ => named.concat(),
    }
}
