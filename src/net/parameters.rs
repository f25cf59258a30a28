//! Weights and biases, layer by layer.

use ndarray::{Array1, Array2};

use super::Shape;

/// The parameters of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer<T = f32> {
    /// (outputs, inputs), row-major.
    pub weight: Array2<T>,
    /// (outputs).
    pub bias: Array1<T>,
}

/// The parameters of a network, from the input up.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters<T = f32> {
    /// One entry a layer.
    pub layers: Vec<Layer<T>>,
}

impl<T: Copy> Parameters<T> {
    /// Builds every parameter from its shape; values are asked for layer by layer, weights
    /// row-major, then bias.
    pub fn generate(shape: &Shape, mut value: impl FnMut(ParameterKind, super::LayerShape) -> T) -> Self {
        let layers = shape
            .layers()
            .map(|layer| Layer {
                weight: Array2::from_shape_simple_fn((layer.outputs, layer.inputs), || {
                    value(ParameterKind::Weight, layer)
                }),
                bias: Array1::from_shape_simple_fn(layer.outputs, || value(ParameterKind::Bias, layer)),
            })
            .collect();
        Parameters { layers }
    }

    /// The same parameters as another type of number.
    pub fn map<U>(&self, convert: impl Fn(T) -> U) -> Parameters<U> {
        let layers = self
            .layers
            .iter()
            .map(|layer| Layer { weight: layer.weight.mapv(&convert), bias: layer.bias.mapv(&convert) })
            .collect();
        Parameters { layers }
    }

    /// Every value: layer by layer, weights row-major, then bias.
    pub fn values(&self) -> impl Iterator<Item = T> + '_ {
        self.layers.iter().flat_map(|layer| layer.weight.iter().chain(&layer.bias).copied())
    }
}

/// What a parameter is: an initialisation treats the two differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// An element of a weight matrix.
    Weight,
    /// An element of a bias vector.
    Bias,
}
