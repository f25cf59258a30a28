//! The samples of a set on the device.

use super::{builder::Builder, compiler::Compiler, sizes::MAX_TRIPS};
use crate::{
    Result,
    data::Samples,
    gpu::{Buffer, Command, Element, ShaderError},
    kernels::Sizes,
};

/// Sums of the loss that take turns in reduce_metrics: with so many, half a million additions leave
/// five digits and more.
const TURNS: usize = 256;

/// A range of rows of a set of samples.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The samples of a set on the device, and what a forward pass leaves for each of them.
#[derive(Clone)]
pub(super) struct SampleBuffers {
    pub(super) len: usize,
    pub(super) pixels: Buffer,
    pub(super) labels: Buffer,
    pub(super) loss: Buffer,
    pub(super) hit: Buffer,
    pub(super) loss_partials: Buffer,
    pub(super) hit_partials: Buffer,
    pub(super) totals: [Buffer; 2],
    pub(super) counter: usize,
    /// Samples of a partial sum of the metrics.
    pub(super) metric_rows: usize,
}

impl SampleBuffers {
    /// The first `len` of them.
    pub(super) fn first(&self, len: usize) -> Self {
        SampleBuffers { len, ..self.clone() }
    }

    /// Partial sums of the metrics.
    pub(super) fn partials(&self) -> usize {
        self.len.div_ceil(self.metric_rows)
    }

    pub(super) fn clear_totals(&self) -> Vec<Command> {
        self.totals.iter().map(|total| Command::Clear(total.all())).collect()
    }
}

impl Builder<'_> {
    /// Uploads a set of samples: pixels packed four in a u32, each picture padded with zeros.
    pub(super) fn samples(&self, label: &str, samples: &Samples, counter: usize) -> Result<SampleBuffers> {
        let len = samples.len();
        let Compiler { device, sizes, .. } = self.compiler;
        let k = sizes.layout.layers[0].k;
        let labels: Vec<u32> = samples.labels.iter().map(|&label| label.into()).collect();
        let partials = self.metric_partials(len)?;
        let name = |what: &str| format!("{what} of the {label} samples");
        let zeros = |what: &str, element, len| device.zeros(&name(what), element, len);
        Ok(SampleBuffers {
            len,
            pixels: device.upload(&name("pixels"), Element::U32, &padded(samples, k))?,
            labels: device.upload(&name("labels"), Element::U32, bytemuck::cast_slice(&labels))?,
            loss: zeros("loss", Element::F32, len)?,
            hit: zeros("hit", Element::U32, len)?,
            loss_partials: zeros("loss_partials", Element::F32, partials)?,
            hit_partials: zeros("hit_partials", Element::U32, partials)?,
            totals: [zeros("loss_sum", Element::F32, TURNS)?, zeros("hits", Element::U32, 2)?],
            counter,
            metric_rows: self.metric_rows()?,
        })
    }

    /// Samples of each partial sum that count_metrics leaves.
    pub(super) fn metric_rows(&self) -> Result<usize, ShaderError> {
        self.compiler.shaders.get("count_metrics", &Sizes::default())?.constant("ROWS")
    }

    /// Partial sums that count_metrics leaves; reduce_metrics adds them up in one loop.
    fn metric_partials(&self, samples: usize) -> Result<usize, ShaderError> {
        let rows = self.metric_rows()?;
        match samples.div_ceil(rows) {
            partials @ ..=MAX_TRIPS => Ok(partials),
            partials => Err(ShaderError::Interface {
                path: self.compiler.shaders.get("count_metrics", &Sizes::default())?.path.clone(),
                message: format!(
                    "ROWS = {rows} leaves {partials} partial sums of {samples} samples; at most {MAX_TRIPS} can be added up: make ROWS larger"
                ),
            }),
        }
    }
}

pub(super) fn chunks(len: usize, chunk: usize) -> impl Iterator<Item = Rows> {
    (0..len).step_by(chunk).map(move |start| Rows { start, len: chunk.min(len - start) })
}

/// The pixels with each picture padded to `k` bytes.
fn padded(samples: &Samples, k: usize) -> std::borrow::Cow<'_, [u8]> {
    if samples.inputs == k {
        return samples.pixels.as_slice().into();
    }
    let mut bytes = vec![0; samples.len() * k];
    for (place, picture) in bytes.chunks_exact_mut(k).zip(samples.pixels.chunks_exact(samples.inputs)) {
        place[..samples.inputs].copy_from_slice(picture);
    }
    bytes.into()
}
