//! What to say where a file holds another network than was asked for.

use safetensors::tensor::Metadata;

use super::{WEIGHT, tensor_name};
use crate::net::Shape;

/// The flags or data that would fit the file, if it holds a network at all.
pub(super) fn remedy(header: &Metadata, expected: &Shape) -> String {
    let widths = widths(header).unwrap_or_default();
    let [inputs, hidden @ .., classes] = &widths[..] else {
        return format!("use a model that --save wrote for a {expected} network");
    };
    if (*inputs, *classes) != (expected.inputs(), expected.classes()) {
        return format!(
            "the file holds a network of {inputs} inputs and {classes} classes, the data have {} and {}: use the data that it was trained on",
            expected.inputs(),
            expected.classes()
        );
    }
    match Shape::new(*inputs, hidden, *classes) {
        Ok(found) if found != *expected => {
            let hidden: Vec<_> = hidden.iter().map(usize::to_string).collect();
            format!("the file holds a {found} network: use --hidden {}", hidden.join(","))
        }
        _ => format!("use a model that --save wrote for a {expected} network"),
    }
}

/// Widths from the input to the classes, where the weights in the file make a chain.
fn widths(header: &Metadata) -> Option<Vec<usize>> {
    let mut widths = Vec::new();
    while let Some(info) = header.info(&tensor_name(widths.len().saturating_sub(1), WEIGHT)) {
        let [outputs, inputs] = info.shape[..] else { return None };
        match widths.last() {
            None => widths.push(inputs),
            Some(&below) if below != inputs => return None,
            Some(_) => (),
        }
        widths.push(outputs);
    }
    Some(widths)
}

/// The first names of tensors in a file.
pub(super) fn tensor_names(header: &Metadata) -> String {
    const SHOWN: usize = 3;
    let names = header.offset_keys();
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| excerpt(name)).collect();
    match names.len() {
        0 => "none at all".into(),
        1..=SHOWN => shown.join(", "),
        count => format!("{} and {} more", shown.join(", "), count - SHOWN),
    }
}

/// Text of a file as it may stand in a message: one short line without control characters.
pub fn excerpt(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut characters = text.chars().flat_map(char::escape_debug);
    let mut line: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        line.push_str("...");
    }
    line
}
