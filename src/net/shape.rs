//! The sizes of a fully connected network.

/// The widest hidden layer: keeps every sum over units far below the 60,000 loop iterations that
/// every driver is known to run.
pub const MAX_WIDTH: usize = 16_384;
/// The most hidden layers.
pub const MAX_HIDDEN_LAYERS: usize = 64;
/// The most parameters in all (1 GiB as f32).
pub const MAX_PARAMETERS: usize = 1 << 28;

/// A network that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// No hidden layer, or too many.
    #[error("{0} hidden layers; 1 to {MAX_HIDDEN_LAYERS} are supported")]
    Layers(usize),
    /// A hidden layer without units, or with too many.
    #[error("a hidden layer of {0} units; 1 to {MAX_WIDTH} are supported")]
    Width(usize),
    /// Too many weights and biases in all.
    #[error("a {shape} network has {parameters} parameters; at most {MAX_PARAMETERS} are supported")]
    Parameters {
        /// The network.
        shape: Shape,
        /// Weights and biases in all.
        parameters: usize,
    },
}

/// Widths from the input to the classes, such as 784-10-10.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shape {
    widths: Vec<usize>,
}

/// One layer: `outputs` units, each with a weight for every one of `inputs` and a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    /// Values that come in: pixels, or units of the layer below.
    pub inputs: usize,
    /// Units of this layer.
    pub outputs: usize,
}

impl LayerShape {
    /// Weights and biases of the layer.
    pub fn parameters(&self) -> usize {
        self.outputs * (self.inputs + 1)
    }
}

impl Shape {
    /// A network from `inputs` pixels through the `hidden` layers to `classes`.
    ///
    /// # Errors
    /// [`ShapeError`] if a width is zero or a size is beyond the `MAX_` constants.
    pub fn new(inputs: usize, hidden: &[usize], classes: usize) -> Result<Self, ShapeError> {
        check_hidden(hidden)?;
        let widths: Vec<_> = [inputs].iter().chain(hidden).chain([&classes]).copied().collect();
        let shape = Shape { widths };
        let parameters = shape.parameters();
        match parameters {
            ..=MAX_PARAMETERS => Ok(shape),
            _ => Err(ShapeError::Parameters { shape, parameters }),
        }
    }

    /// The layers, from the input up.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = LayerShape> + ExactSizeIterator {
        self.widths.windows(2).map(|pair| LayerShape { inputs: pair[0], outputs: pair[1] })
    }

    /// Values of one sample.
    pub fn inputs(&self) -> usize {
        self.widths[0]
    }

    /// Units of the hidden layers.
    pub fn hidden(&self) -> &[usize] {
        &self.widths[1..self.widths.len() - 1]
    }

    /// Outputs of the last layer.
    pub fn classes(&self) -> usize {
        *self.widths.last().expect("a shape has an input and an output")
    }

    /// Weights and biases in all.
    pub fn parameters(&self) -> usize {
        self.layers().map(|layer| layer.parameters()).sum()
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(usize::to_string).collect();
        f.write_str(&widths.join("-"))
    }
}

/// Checks what can be known before the data is read.
fn check_hidden(hidden: &[usize]) -> Result<(), ShapeError> {
    if hidden.is_empty() || hidden.len() > MAX_HIDDEN_LAYERS {
        return Err(ShapeError::Layers(hidden.len()));
    }
    match hidden.iter().find(|&&width| width == 0 || width > MAX_WIDTH) {
        Some(&width) => Err(ShapeError::Width(width)),
        None => Ok(()),
    }
}
