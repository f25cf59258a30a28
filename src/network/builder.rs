//! What a plan is made of: everything that is allocated, the names that shaders bind it by, and the
//! kernels compiled so far.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Parameters, Work,
    sizes::{MAX_TRIPS, PlanSizes},
};
use crate::{
    Result,
    data::Samples,
    gpu::{Binding, Buffer, Command, Device, Dispatch, Element, Kernel, Shader, ShaderError, Slice},
    kernels::{Shaders, Sizes, entry},
};

/// Names of the slices that a dispatch may bind.
pub(super) type Names = BTreeMap<&'static str, Slice>;

/// A range of rows of a set of samples.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) start: usize,
    pub(super) len: usize,
}

/// The samples of a set on the device, and what a forward pass leaves for each of them.
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
}

/// The values of one layer for a chunk of rows. The last layer has no use for `a` and `da`, but an
/// edited shader may bind them.
pub(super) struct LayerBuffers {
    pub(super) z: Buffer,
    pub(super) a: Buffer,
    pub(super) da: Buffer,
    pub(super) dz: Buffer,
    pub(super) dw_partials: Buffer,
    pub(super) db_partials: Buffer,
}

/// Everything that is allocated, and the kernels compiled so far.
pub(super) struct Builder<'a> {
    pub(super) device: &'a Device,
    pub(super) shaders: &'a Shaders,
    pub(super) sizes: &'a PlanSizes,
    pub(super) alpha: f64,
    pub(super) parameters: Buffer,
    pub(super) gradients: Buffer,
    pub(super) samples_seen: Buffer,
    pub(super) layers: Vec<LayerBuffers>,
    pub(super) kernels: BTreeMap<String, Kernel>,
    /// What each dispatch so far computes.
    pub(super) work: Vec<Work>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        device: &'a Device,
        shaders: &'a Shaders,
        sizes: &'a PlanSizes,
        parameters: &Parameters,
        alpha: f64,
    ) -> Result<Self> {
        let flat = sizes.layout.pack(parameters);
        let f32s = |label: &str, len: usize| device.zeros(label, Element::F32, len);
        let layers = (0..sizes.layout.layers.len())
            .map(|index| {
                let layer = &sizes.layout.layers[index];
                let rows = |name: &str| f32s(&format!("{name} of layer {index}"), sizes.chunk * layer.n);
                let (weight_splits, bias_splits) = sizes.layer_splits(index);
                Ok(LayerBuffers {
                    z: rows("z")?,
                    a: rows("a")?,
                    da: rows("da")?,
                    dz: rows("dz")?,
                    dw_partials: f32s("dw_partials", weight_splits * layer.n * layer.k)?,
                    db_partials: f32s("db_partials", bias_splits * layer.n)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Builder {
            parameters: device.upload("parameters", Element::F32, bytemuck::cast_slice(&flat))?,
            gradients: f32s("gradients", sizes.layout.len)?,
            samples_seen: device.zeros("samples_seen", Element::U32, sizes.counters().len())?,
            kernels: BTreeMap::new(),
            work: Vec::new(),
            device,
            shaders,
            sizes,
            alpha,
            layers,
        })
    }

    /// Uploads a set of samples: pixels packed four in a u32, each picture padded with zeros.
    pub(super) fn samples(&self, label: &str, samples: &Samples, counter: usize) -> Result<SampleBuffers> {
        let len = samples.len();
        let k = self.sizes.layout.layers[0].k;
        let labels: Vec<u32> = samples.labels.iter().map(|&label| label.into()).collect();
        let partials = self.metric_partials(len)?;
        let name = |what: &str| format!("{what} of the {label} samples");
        let zeros = |what: &str, element, len| self.device.zeros(&name(what), element, len);
        Ok(SampleBuffers {
            len,
            pixels: self.device.upload(&name("pixels"), Element::U32, &padded(samples, k))?,
            labels: self.device.upload(&name("labels"), Element::U32, bytemuck::cast_slice(&labels))?,
            loss: zeros("loss", Element::F32, len)?,
            hit: zeros("hit", Element::U32, len)?,
            loss_partials: zeros("loss_partials", Element::F32, partials)?,
            hit_partials: zeros("hit_partials", Element::U32, partials)?,
            totals: [zeros("loss_sum", Element::F32, 1)?, zeros("hits", Element::U32, 1)?],
            counter,
        })
    }

    /// Samples of each partial sum that count_metrics leaves.
    pub(super) fn metric_rows(&self) -> Result<usize, ShaderError> {
        self.shaders.get("count_metrics", &Sizes::default())?.constant("ROWS")
    }

    /// Partial sums that count_metrics leaves; reduce_metrics adds them up in one loop.
    fn metric_partials(&self, samples: usize) -> Result<usize, ShaderError> {
        let rows = self.metric_rows()?;
        match samples.div_ceil(rows) {
            partials @ ..=MAX_TRIPS => Ok(partials),
            partials => Err(ShaderError::Interface {
                path: self.shaders.get("count_metrics", &Sizes::default())?.path.clone(),
                message: format!(
                    "ROWS = {rows} leaves {partials} partial sums of {samples} samples; at most {MAX_TRIPS} can be added up: make ROWS larger"
                ),
            }),
        }
    }

    pub(super) fn layer_sizes(&self, rows: Rows, layer: usize) -> Sizes {
        let layout = &self.sizes.layout.layers[layer];
        Sizes {
            m: rows.len,
            k: layout.k,
            n: layout.n,
            splits: 0,
            classes: self.sizes.shape.classes(),
            lanes: 0,
        }
    }

    /// The slice behind each variable name, for one layer and a range of rows. Activations hold one
    /// chunk, so theirs start at 0 whatever the range.
    pub(super) fn names(&self, samples: &SampleBuffers, rows: Rows, layer: usize) -> Names {
        let layout = &self.sizes.layout.layers[layer];
        let buffers = &self.layers[layer];
        let held = rows.len.min(self.sizes.chunk);
        let of_samples = |buffer: &Buffer, each: usize| buffer.slice(rows.start * each, rows.len * each);
        let mut names: Names = [
            ("pixels", of_samples(&samples.pixels, self.sizes.layout.layers[0].k / 4)),
            ("labels", of_samples(&samples.labels, 1)),
            ("loss", of_samples(&samples.loss, 1)),
            ("hit", of_samples(&samples.hit, 1)),
            ("loss_partials", samples.loss_partials.all()),
            ("hit_partials", samples.hit_partials.all()),
            ("loss_sum", samples.totals[0].all()),
            ("hits", samples.totals[1].all()),
            ("samples_seen", self.samples_seen.all()),
            ("parameters", self.parameters.all()),
            ("gradients", self.gradients.all()),
            ("w", self.parameters.slice(layout.weight, layout.n * layout.k)),
            ("b", self.parameters.slice(layout.bias, layout.n)),
            ("dw", self.gradients.slice(layout.weight, layout.n * layout.k)),
            ("db", self.gradients.slice(layout.bias, layout.n)),
            ("z", buffers.z.slice(0, held * layout.n)),
            ("a", buffers.a.slice(0, held * layout.n)),
            ("da", buffers.da.slice(0, held * layout.n)),
            ("dz", buffers.dz.slice(0, held * layout.n)),
            ("dw_partials", buffers.dw_partials.all()),
            ("db_partials", buffers.db_partials.all()),
        ]
        .into();
        if layer > 0 {
            names.insert("x", self.layers[layer - 1].a.slice(0, held * layout.k));
        }
        names
    }

    pub(super) fn push(
        &mut self,
        commands: &mut Vec<Command>,
        name: &'static str,
        names: &Names,
        sizes: Sizes,
    ) -> Result<()> {
        self.push_counting(commands, name, names, sizes, 0)
    }

    pub(super) fn push_counting(
        &mut self,
        commands: &mut Vec<Command>,
        name: &'static str,
        names: &Names,
        sizes: Sizes,
        counter: usize,
    ) -> Result<()> {
        let dispatch = self.dispatch(name, names, sizes, counter)?;
        commands.push(Command::Dispatch(dispatch));
        Ok(())
    }

    fn dispatch(
        &mut self,
        name: &'static str,
        names: &Names,
        sizes: Sizes,
        counter: usize,
    ) -> Result<Dispatch> {
        self.work.push(Work { kernel: name, sizes });
        let compiler =
            Compiler { device: self.device, shaders: self.shaders, sizes: self.sizes, alpha: self.alpha };
        let shader = compiler.shader(name, &sizes)?;
        let invocations = entry(name).map(|entry| (entry.invocations)(&sizes, &shader)).transpose()?;
        let key = compiler.key(&shader, &sizes, counter);
        if !self.kernels.contains_key(&key) {
            let kernel = compiler.kernel(name, &sizes, counter)?;
            self.kernels.insert(key.clone(), kernel);
        }
        let dispatch = self.kernels[&key].dispatch(
            self.device,
            invocations.unwrap_or(0) as u64,
            |binding: &Binding| {
                names.get(binding.name.as_str()).cloned().ok_or_else(|| ShaderError::Interface {
                    path: shader.path.clone(),
                    message: format!(
                        "no buffer is called `{}`; at this place there are {}",
                        binding.name,
                        names.keys().copied().collect::<Vec<_>>().join(", ")
                    ),
                })
            },
        )?;
        Ok(dispatch)
    }
}

/// What compiles a plan's kernels.
pub(super) struct Compiler<'a> {
    pub(super) device: &'a Device,
    pub(super) shaders: &'a Shaders,
    pub(super) sizes: &'a PlanSizes,
    pub(super) alpha: f64,
}

impl Compiler<'_> {
    pub(super) fn shader(&self, name: &'static str, sizes: &Sizes) -> Result<Arc<Shader>, ShaderError> {
        self.shaders.get(self.shaders.preferred(name, self.sizes.file(name, sizes)), sizes)
    }

    /// What a compiled kernel is found by.
    pub(super) fn key(&self, shader: &Shader, sizes: &Sizes, counter: usize) -> String {
        format!("{} {:?}", shader.path, sizes.overrides(shader, self.alpha, counter))
    }

    /// Compiles a kernel for some sizes.
    pub(super) fn kernel(
        &self,
        name: &'static str,
        sizes: &Sizes,
        counter: usize,
    ) -> Result<Kernel, ShaderError> {
        let shader = self.shader(name, sizes)?;
        Kernel::new(self.device, name, &shader, &sizes.overrides(&shader, self.alpha, counter))
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
