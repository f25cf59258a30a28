//! What a dispatch is compiled for: the values of a shader's `override`s.

use crate::gpu::Shader;

/// The sizes of one dispatch, padded as the buffers are. What a kernel does not use is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Samples.
    pub m: usize,
    /// Inputs of the layer: a multiple of 4, of 16 where they are pixels.
    pub k: usize,
    /// Units of the layer, or elements in a flat buffer: a multiple of 4.
    pub n: usize,
    /// Ranges that the samples of a sum are split into.
    pub splits: usize,
    /// Outputs of the last layer that are no padding.
    pub classes: usize,
    /// Lanes that a kernel for subgroups is written for.
    pub lanes: usize,
    /// Words of 4 pixels wanted for each of them: fewer where the image or the registers are too small, more
    /// where a workgroup is.
    pub words: usize,
}

/// What else a kernel is compiled with. What it does not use is 0, or false.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Settings {
    /// The kernel's place in `samples_seen`.
    pub counter: usize,
    /// Whether sums are added to what is there.
    pub add: bool,
    /// Units of a hidden layer that are no padding.
    pub units: usize,
    /// Samples of a full batch.
    pub batch: usize,
    /// Rows of a picture.
    pub rows: usize,
    /// Columns of a picture.
    pub cols: usize,
    /// Probability that the loss spreads over all classes.
    pub smoothing: f64,
    /// Share of a parameter that counts as gradient.
    pub weight_decay: f64,
}

impl Sizes {
    /// A value for each override of `shader` that the host knows.
    pub fn overrides(&self, shader: &Shader, settings: &Settings) -> Vec<(String, f64)> {
        let known = [
            ("k", self.k as f64),
            ("n", self.n as f64),
            ("splits", self.splits as f64),
            ("samples", self.m as f64),
            ("classes", self.classes as f64),
            ("counter", settings.counter as f64),
            ("add", f64::from(u8::from(settings.add))),
            ("units", settings.units as f64),
            ("batch", settings.batch as f64),
            ("picture_rows", settings.rows as f64),
            ("picture_cols", settings.cols as f64),
            ("smoothing", settings.smoothing),
            ("weight_decay", settings.weight_decay),
        ];
        let value = |name: &String| known.iter().find(|(known, _)| known == name).map(|&(_, value)| value);
        shader.overrides.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
    }
}
