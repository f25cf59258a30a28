//! What a plan is made of: everything that is allocated, the names that shaders bind it by, and the
//! kernels compiled so far.

use std::collections::BTreeMap;

use super::{
    Parameters, PlanSizes, Work,
    batches::AheadBuffers,
    compiler::Compiler,
    samples::{Rows, SampleBuffers},
};
use crate::{
    Result,
    gpu::{Binding, Buffer, Command, Dispatch, Element, Kernel, ShaderError, Slice},
    kernels::{Settings, Sizes, entry},
};

/// Names of the slices that a dispatch may bind.
pub(super) type Names = BTreeMap<&'static str, Slice>;

/// The values of one layer for a chunk of rows. The last layer has no use for `a` and `da`, but an
/// edited shader may bind them.
pub(super) struct LayerBuffers {
    pub(super) z: Buffer,
    pub(super) a: Buffer,
    pub(super) da: Buffer,
    pub(super) dz: Buffer,
    pub(super) dw_partials: Slice,
    pub(super) db_partials: Slice,
}

/// Everything that is allocated, and the kernels compiled so far.
pub(super) struct Builder<'a> {
    pub(super) compiler: Compiler<'a>,
    pub(super) parameters: Buffer,
    pub(super) gradients: Buffer,
    /// What the optimizer remembers, by its names.
    state: Vec<(&'static str, Buffer)>,
    pub(super) ahead: AheadBuffers,
    pub(super) samples_seen: Buffer,
    /// The partial sums of all layers in the places of the parameters, where each has only one.
    pub(super) partials: Option<Buffer>,
    pub(super) layers: Vec<LayerBuffers>,
    pub(super) kernels: BTreeMap<String, Kernel>,
    /// What each dispatch so far computes.
    pub(super) work: Vec<Work>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(compiler: Compiler<'a>, parameters: &Parameters) -> Result<Self> {
        let Compiler { device, sizes, .. } = compiler;
        let flat = sizes.layout.pack(parameters);
        let f32s = |label: &str, len: usize| device.zeros(label, Element::F32, len);
        let partials = sizes.has_one_split().then(|| f32s("partials", sizes.layout.len)).transpose()?;
        let layers = (0..sizes.layout.layers.len())
            .map(|index| {
                let layer = &sizes.layout.layers[index];
                let rows = |name: &str| f32s(&format!("{name} of layer {index}"), sizes.chunk * layer.n);
                let (weight_splits, bias_splits) = sizes.layer_splits(index);
                let partials = |name, start, splits: usize, len| match &partials {
                    Some(all) => Ok(all.slice(start, len)),
                    None => f32s(name, splits * len).map(|buffer| buffer.all()),
                };
                Ok(LayerBuffers {
                    z: rows("z")?,
                    a: rows("a")?,
                    da: rows("da")?,
                    dz: rows("dz")?,
                    dw_partials: partials("dw_partials", layer.weight, weight_splits, layer.n * layer.k)?,
                    db_partials: partials("db_partials", layer.bias, bias_splits, layer.n)?,
                })
            })
            .collect::<Result<_>>()?;
        let state = sizes.recipe.optimizer.state().iter();
        Ok(Builder {
            parameters: device.upload("parameters", Element::F32, bytemuck::cast_slice(&flat))?,
            gradients: f32s("gradients", sizes.layout.len)?,
            state: state.map(|name| Ok((*name, f32s(name, sizes.layout.len)?))).collect::<Result<_>>()?,
            ahead: AheadBuffers::new(device, &sizes.recipe, sizes.lengths.train)?,
            samples_seen: device.zeros("samples_seen", Element::U32, sizes.counters().len())?,
            kernels: BTreeMap::new(),
            work: Vec::new(),
            partials,
            layers,
            compiler,
        })
    }

    pub(super) fn layer_sizes(&self, rows: Rows, layer: usize) -> Sizes {
        let PlanSizes { layout, shape, .. } = self.compiler.sizes;
        let layer = &layout.layers[layer];
        Sizes { m: rows.len, k: layer.k, n: layer.n, classes: shape.classes(), ..Sizes::default() }
    }

    /// The slice behind each variable name that has nothing to do with layers and samples.
    pub(super) fn flat_names(&self) -> Names {
        let names = [
            ("parameters", &self.parameters),
            ("gradients", &self.gradients),
            ("samples_seen", &self.samples_seen),
            ("order", &self.ahead.order),
            ("shifts", &self.ahead.shifts),
            ("rates", &self.ahead.rates),
            ("clock", &self.ahead.clock),
            ("rate", &self.ahead.rate),
        ];
        let state = self.state.iter().map(|(name, buffer)| (*name, buffer));
        names.into_iter().chain(state).map(|(name, buffer)| (name, buffer.all())).collect()
    }

    /// The slice behind each variable name, for one layer and a range of rows. Activations hold one
    /// chunk, so theirs start at 0 whatever the range.
    pub(super) fn names(&self, samples: &SampleBuffers, rows: Rows, layer: usize) -> Names {
        let sizes = self.compiler.sizes;
        let layout = &sizes.layout.layers[layer];
        let buffers = &self.layers[layer];
        let held = rows.len.min(sizes.chunk);
        let of_samples = |buffer: &Buffer, each: usize| buffer.slice(rows.start * each, rows.len * each);
        let mut names = self.flat_names();
        names.extend([
            ("pixels", of_samples(&samples.pixels, sizes.layout.layers[0].k / 4)),
            ("labels", of_samples(&samples.labels, 1)),
            ("loss", of_samples(&samples.loss, 1)),
            ("hit", of_samples(&samples.hit, 1)),
            ("loss_partials", samples.loss_partials.slice(0, samples.partials())),
            ("hit_partials", samples.hit_partials.slice(0, samples.partials())),
            ("loss_sum", samples.totals[0].all()),
            ("hits", samples.totals[1].all()),
            ("w", self.parameters.slice(layout.weight, layout.n * layout.k)),
            ("b", self.parameters.slice(layout.bias, layout.n)),
            ("dw", self.gradients.slice(layout.weight, layout.n * layout.k)),
            ("db", self.gradients.slice(layout.bias, layout.n)),
            ("z", buffers.z.slice(0, held * layout.n)),
            ("a", buffers.a.slice(0, held * layout.n)),
            ("da", buffers.da.slice(0, held * layout.n)),
            ("dz", buffers.dz.slice(0, held * layout.n)),
            ("dw_partials", buffers.dw_partials.clone()),
            ("db_partials", buffers.db_partials.clone()),
        ]);
        if layer > 0 {
            names.insert("x", self.layers[layer - 1].a.slice(0, held * layout.k));
        }
        names
    }

    /// Appends a dispatch of a kernel.
    pub(super) fn push(
        &mut self,
        commands: &mut Vec<Command>,
        name: &'static str,
        names: &Names,
        sizes: Sizes,
        settings: Settings,
    ) -> Result<()> {
        let dispatch = self.dispatch(name, names, sizes, &settings)?;
        commands.push(Command::Dispatch(dispatch));
        Ok(())
    }

    fn dispatch(
        &mut self,
        name: &'static str,
        names: &Names,
        sizes: Sizes,
        settings: &Settings,
    ) -> Result<Dispatch> {
        self.work.push(Work { kernel: name, sizes });
        let compiler = self.compiler;
        let shader = compiler.shader(name, &sizes)?;
        let invocations = entry(name).map(|entry| (entry.invocations)(&sizes, &shader)).transpose()?;
        let key = compiler.key(&shader, &sizes, settings);
        if !self.kernels.contains_key(&key) {
            let kernel = compiler.kernel(name, &sizes, settings)?;
            self.kernels.insert(key.clone(), kernel);
        }
        let dispatch = self.kernels[&key].dispatch(
            compiler.device,
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
