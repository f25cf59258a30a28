//! Where each weight and bias lies in the one buffer that holds all parameters.

use ndarray::{Array1, Array2};

use super::{Layer, Parameters, Shape};

/// Every tensor starts at a multiple of this many numbers, so that it can be bound: WebGPU's 256 bytes.
pub const ALIGN: usize = 64;
/// Pixels of a picture are padded to a multiple of this many, so that a kernel loads 16 at once.
const PIXELS: usize = 16;
/// Units are padded to a multiple of this many: kernels work on vec4s.
const UNITS: usize = 4;

/// The padded place of a network's parameters; what is between them is zero and stays zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// One entry a layer.
    pub layers: Vec<LayerLayout>,
    /// Numbers in all.
    pub len: usize,
}

/// The padded place of one layer's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerLayout {
    /// Inputs, padded.
    pub k: usize,
    /// Units, padded.
    pub n: usize,
    /// First number of the (n, k) weights.
    pub weight: usize,
    /// First number of the (n) biases.
    pub bias: usize,
}

impl Layout {
    /// Lays out the parameters of `shape`.
    pub fn new(shape: &Shape) -> Self {
        let mut len = 0;
        let mut take = |count: usize| {
            let start = len;
            len += count.next_multiple_of(ALIGN);
            start
        };
        let layers = shape
            .layers()
            .enumerate()
            .map(|(index, layer)| {
                let k = layer.inputs.next_multiple_of(if index == 0 { PIXELS } else { UNITS });
                let n = layer.outputs.next_multiple_of(UNITS);
                LayerLayout { k, n, weight: take(n * k), bias: take(n) }
            })
            .collect();
        Layout { layers, len }
    }

    /// The parameters as the buffer holds them.
    pub fn pack(&self, parameters: &Parameters) -> Vec<f32> {
        let mut flat = vec![0.0; self.len];
        for (layout, layer) in self.layers.iter().zip(&parameters.layers) {
            for (row, weights) in layer.weight.rows().into_iter().enumerate() {
                let start = layout.weight + row * layout.k;
                for (place, &weight) in flat[start..].iter_mut().zip(weights) {
                    *place = weight;
                }
            }
            for (place, &bias) in flat[layout.bias..].iter_mut().zip(&layer.bias) {
                *place = bias;
            }
        }
        flat
    }

    /// The way back from [`Layout::pack`].
    pub fn unpack(&self, flat: &[f32], shape: &Shape) -> Parameters {
        let layers = self
            .layers
            .iter()
            .zip(shape.layers())
            .map(|(layout, layer)| Layer {
                weight: Array2::from_shape_fn((layer.outputs, layer.inputs), |(row, column)| {
                    flat[layout.weight + row * layout.k + column]
                }),
                bias: Array1::from_shape_fn(layer.outputs, |row| flat[layout.bias + row]),
            })
            .collect();
        Parameters { layers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Init;

    #[test]
    fn packing_pads_with_zeros_and_unpacks_to_the_same() {
        let shape = Shape::new(49, &[10, 7], 3).unwrap();
        let layout = Layout::new(&shape);
        let parameters = Init::Uniform.parameters(&shape, 1);
        let flat = layout.pack(&parameters);
        assert_eq!(flat.len(), layout.len);
        assert_eq!(flat.iter().filter(|&&v| v != 0.0).count(), shape.parameters());
        assert_eq!(layout.unpack(&flat, &shape), parameters);
        assert_eq!((layout.layers[0].k, layout.layers[0].n, layout.layers[2].n), (64, 12, 4));
        assert!(layout.layers.iter().all(|l| l.weight % ALIGN == 0 && l.bias % ALIGN == 0));
    }
}
