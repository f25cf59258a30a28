//! The twins in a row: through the layers of a network and back.

use ndarray::{Array2, NdFloat};

use super::{activate, activate_backward, bias_gradient, input_gradient, matmul, weight_gradient};
use crate::{
    net::{Layer, Parameters},
    recipe::Activation,
};

/// What a forward pass over m rows leaves behind for the backward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Activations<T> {
    /// (m, inputs) of each layer: the scaled pixels, then the activation of the layer below.
    pub a: Vec<Array2<T>>,
    /// (m, outputs) of each layer, before its activation.
    pub z: Vec<Array2<T>>,
}

impl<T> Activations<T> {
    /// (m, classes): z of the last layer.
    pub fn logits(&self) -> &Array2<T> {
        self.z.last().expect("a network has a layer")
    }
}

/// Takes `x` (m, inputs), scaled pixels, through every layer.
pub fn forward<T: NdFloat>(
    parameters: &Parameters<T>,
    x: Array2<T>,
    activation: Activation,
) -> Activations<T> {
    let (mut a, mut z) = (vec![x], Vec::<Array2<T>>::new());
    for (l, layer) in parameters.layers.iter().enumerate() {
        if l > 0 {
            a.push(activate(activation, z[l - 1].view()));
        }
        z.push(matmul(a[l].view(), layer.weight.view(), layer.bias.view()));
    }
    Activations { a, z }
}

/// The gradient of every parameter, summed over the rows, from `dz` (m, classes) of the last layer.
pub fn backward<T: NdFloat>(
    parameters: &Parameters<T>,
    activations: &Activations<T>,
    mut dz: Array2<T>,
    activation: Activation,
) -> Parameters<T> {
    let Activations { a, z } = activations;
    let mut layers = Vec::with_capacity(parameters.layers.len());
    for (l, layer) in parameters.layers.iter().enumerate().rev() {
        layers
            .push(Layer { weight: weight_gradient(dz.view(), a[l].view()), bias: bias_gradient(dz.view()) });
        if l > 0 {
            let da = input_gradient(dz.view(), layer.weight.view());
            dz = activate_backward(activation, z[l - 1].view(), a[l].view(), da.view());
        }
    }
    layers.reverse();
    Parameters { layers }
}
