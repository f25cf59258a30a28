//! What may be wrong with a training that ended well.

use std::fmt;

use ndarray::{Axis, stack};

use crate::{
    data::Samples,
    net::Parameters,
    recipe::Activation,
    reference::{forward, scale_pixels},
};

/// Images that hidden units are tried on.
const IMAGES: usize = 400;
/// The most parameters of a network whose units are tried: some tenths of a second.
const MAX_PARAMETERS: usize = 1 << 24;

/// Something to think about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hint {
    /// The loss has stayed what guessing has.
    Stuck {
        /// The last loss.
        loss: f64,
        /// Classes to guess.
        classes: usize,
    },
    /// Hidden units that are 0 for every image that was tried, and so learn nothing.
    DeadUnits {
        /// The hidden layer, from 0.
        layer: usize,
        /// How many are.
        dead: usize,
        /// Units of the layer.
        units: usize,
        /// Images tried.
        images: usize,
    },
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hint::Stuck { loss, classes } => {
                write!(f, "the loss stays at {loss:.4}, about ln({classes}): the network only guesses")
            }
            Hint::DeadUnits { layer, dead, units, images } => {
                write!(
                    f,
                    "{dead} of {units} units of hidden layer {layer} are dead: 0 for all {images} images tried"
                )
            }
        }
    }
}

/// Tries the hidden units on some of the training images. Dead ones are worth a hint if they are a whole layer,
/// or if the loss is stuck. Only ReLU has units that cannot come back; wide networks are left out.
pub(super) fn of_dead_units(
    parameters: &Parameters,
    train: &Samples,
    activation: Activation,
    stuck: bool,
) -> Vec<Hint> {
    if activation != Activation::Relu || parameters.values().count() > MAX_PARAMETERS {
        return Vec::new();
    }
    let worth_a_hint = |hint: &Hint| match *hint {
        Hint::DeadUnits { dead, units, .. } => dead == units || stuck && dead > 0,
        Hint::Stuck { .. } => false,
    };
    dead_units(parameters, train).into_iter().filter(worth_a_hint).collect()
}

/// The dead units of every hidden layer.
fn dead_units(parameters: &Parameters, train: &Samples) -> Vec<Hint> {
    // Spread over all, as files may be sorted by class.
    let every = train.len().div_ceil(IMAGES).max(1);
    let pixels = train.matrix();
    let rows: Vec<_> = pixels.axis_iter(Axis(0)).step_by(every).collect();
    let Ok(tried) = stack(Axis(0), &rows) else { return Vec::new() };
    let z = forward(parameters, scale_pixels(tried.view()), Activation::Relu).z;
    let hidden = &z[..z.len() - 1];
    let dead =
        |layer: usize| hidden[layer].columns().into_iter().filter(|z| z.iter().all(|&z| z <= 0.0)).count();
    let hint = |layer: usize| {
        let units = hidden[layer].ncols();
        Hint::DeadUnits { layer, dead: dead(layer), units, images: rows.len() }
    };
    (0..hidden.len()).map(hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Init, Shape};

    #[test]
    fn units_that_no_image_wakes_are_counted_by_layer() {
        let shape = Shape::new(4, &[3, 2], 2).unwrap();
        let mut parameters = Init::Uniform.parameters(&shape, 1);
        parameters.layers[0].bias.fill(5.0);
        parameters.layers[0].weight.row_mut(1).fill(-1.0);
        parameters.layers[0].bias[1] = 0.0;
        parameters.layers[1].bias.fill(-50.0);
        // The only black image comes last: a unit that is 0 there alone is not dead.
        let pixels = [[9; 4].repeat(999), vec![0; 4]].concat();
        let train = Samples { pixels, labels: vec![0; 1_000], inputs: 4 };
        let hint = |layer, dead, units| Hint::DeadUnits { layer, dead, units, images: 334 };
        assert_eq!(dead_units(&parameters, &train), [hint(0, 1, 3), hint(1, 2, 2)]);
        parameters.layers[0].bias[1] = 1e-3;
        parameters.layers[1].bias[1] = 50.0;
        assert_eq!(dead_units(&parameters, &train), [hint(0, 0, 3), hint(1, 1, 2)]);
    }
}
