//! What a dispatch is compiled for: the values of a shader's `override`s.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::gpu::Interface;

/// The sizes of one dispatch, padded as the buffers are. What a kernel does not use is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Samples.
    pub m: usize,
    /// Inputs of the layer: a multiple of 4, of 16 if they are pixels.
    pub k: usize,
    /// Units of the layer, or elements in a flat buffer: a multiple of 4.
    pub n: usize,
    /// Ranges that the samples of a sum are split into.
    pub splits: usize,
    /// Outputs of the last layer without padding.
    pub classes: usize,
    /// Lanes that a kernel for subgroups is written for.
    pub lanes: usize,
    /// Words of 4 pixels wanted for each of them: fewer if the image or the registers are too small, more
    /// if a workgroup is.
    pub words: usize,
}

impl fmt::Display for Sizes {
    /// Those that are not 0, by their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes { m, k, n, splits, classes, lanes, words } = *self;
        let named = [
            ("m", m),
            ("k", k),
            ("n", n),
            ("splits", splits),
            ("classes", classes),
            ("lanes", lanes),
            ("words", words),
        ];
        let used: Vec<_> =
            named.iter().filter(|(_, size)| *size > 0).map(|(name, size)| format!("{name} {size}")).collect();
        f.write_str(&used.join(", "))
    }
}

/// What else a kernel is compiled with. What it does not use is 0, or false.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overrides {
    /// The kernel's place in `samples_seen`.
    pub counter: usize,
    /// Whether sums are added to what is there.
    pub accumulate: bool,
    /// Units of a layer without padding.
    pub units: usize,
    /// Samples of a full batch.
    pub batch: usize,
    /// Rows of a picture.
    pub picture_rows: usize,
    /// Columns of a picture.
    pub picture_cols: usize,
    /// Label smoothing: this much probability is spread evenly over all classes.
    pub smoothing: f64,
    /// L2 penalty: this much of each parameter is added to its gradient.
    pub weight_decay: f64,
}

impl Overrides {
    /// A value for each override of a file that the host knows.
    pub fn values(&self, sizes: &Sizes, file: &Interface) -> BTreeMap<&'static str, f64> {
        let known = [
            ("k", sizes.k as f64),
            ("n", sizes.n as f64),
            ("splits", sizes.splits as f64),
            ("samples", sizes.m as f64),
            ("classes", sizes.classes as f64),
            ("counter", self.counter as f64),
            ("accumulate", f64::from(u8::from(self.accumulate))),
            ("units", self.units as f64),
            ("batch", self.batch as f64),
            ("picture_rows", self.picture_rows as f64),
            ("picture_cols", self.picture_cols as f64),
            ("smoothing", self.smoothing),
            ("weight_decay", self.weight_decay),
        ];
        known.into_iter().filter(|(name, _)| file.overrides.iter().any(|known| known == name)).collect()
    }

    /// The same as a device takes them.
    pub fn named_values(&self, sizes: &Sizes, file: &Interface) -> Vec<(String, f64)> {
        self.values(sizes, file).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
