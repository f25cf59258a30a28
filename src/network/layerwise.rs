//! The layerwise plan: one kernel for each formula, any depth and width.
//!
//! The samples pass in chunks of rows, so that the memory for activations stays bounded however
//! many there are. A chunk's forward and backward pass add to the partial sums of the gradients;
//! after the last chunk these are reduced and the parameters are moved. All buffers and bindings
//! are made once; an iteration is a list of commands that can be recorded any number of times.

use std::collections::BTreeMap;

use super::{
    Parameters,
    sizes::{
        Counter, MAX_TRIPS, PlanSizes, TEST_METRICS, TRAIN_METRICS, bias_counter, counters, weight_counter,
    },
};
use crate::{
    Result,
    data::{Dataset, Samples},
    gpu::{Binding, Buffer, Command, Device, Dispatch, Element, Kernel, ShaderError, Slice},
    kernels::{Shaders, Sizes, entry},
};

/// Names of the slices that a dispatch may bind.
type Names = BTreeMap<&'static str, Slice>;

/// Commands and buffers of a network on a device.
pub struct Layerwise {
    /// One iteration of full-batch gradient descent.
    pub iteration: Vec<Command>,
    /// A forward pass over the training samples, and their metrics.
    pub evaluate_train: Vec<Command>,
    /// The same over the test samples.
    pub evaluate_test: Vec<Command>,
    /// All parameters, laid out by [`super::Layout`].
    pub parameters: Slice,
    /// Sum of the losses, and hits: of the training and of the test samples.
    pub train_totals: [Slice; 2],
    /// The same of the test samples.
    pub test_totals: [Slice; 2],
    /// Samples that went into each sum since the start, modulo 2^32.
    pub samples_seen: Slice,
    /// For each counter of `samples_seen`: its kernel, and what an iteration, an evaluation of the
    /// training and one of the test samples add.
    pub counters: Vec<Counter>,
}

/// A range of rows of a set of samples.
#[derive(Clone, Copy)]
struct Rows {
    start: usize,
    len: usize,
}

/// The samples of a set on the device, and what a forward pass leaves for each of them.
struct SampleBuffers {
    len: usize,
    pixels: Buffer,
    labels: Buffer,
    loss: Buffer,
    hit: Buffer,
    loss_partials: Buffer,
    hit_partials: Buffer,
    totals: [Buffer; 2],
    counter: usize,
}

/// The values of one layer for a chunk of rows. The last layer has no use for `a` and `da`, but an
/// edited shader may bind them.
struct LayerBuffers {
    z: Buffer,
    a: Buffer,
    da: Buffer,
    dz: Buffer,
    dw_partials: Buffer,
    db_partials: Buffer,
}

/// Everything that is allocated, and the kernels compiled so far.
struct Builder<'a> {
    device: &'a Device,
    shaders: &'a Shaders,
    sizes: &'a PlanSizes,
    alpha: f64,
    parameters: Buffer,
    gradients: Buffer,
    samples_seen: Buffer,
    layers: Vec<LayerBuffers>,
    kernels: BTreeMap<String, Kernel>,
}

impl Layerwise {
    /// Uploads samples and parameters, compiles the kernels and lists the commands.
    ///
    /// # Errors
    /// A device error where memory runs out, a shader error where a kernel does not fit.
    pub fn new(
        device: &Device,
        shaders: &Shaders,
        sizes: &PlanSizes,
        data: &Dataset,
        parameters: &Parameters,
        alpha: f64,
    ) -> Result<Self> {
        let mut builder = Builder::new(device, shaders, sizes, parameters, alpha)?;
        let train = builder.samples("train", &data.train, TRAIN_METRICS)?;
        let test = builder.samples("test", &data.test, TEST_METRICS)?;
        Ok(Layerwise {
            iteration: builder.iteration(&train)?,
            evaluate_train: builder.evaluation(&train)?,
            evaluate_test: builder.evaluation(&test)?,
            parameters: builder.parameters.all(),
            train_totals: train.totals.each_ref().map(Buffer::all),
            test_totals: test.totals.each_ref().map(Buffer::all),
            samples_seen: builder.samples_seen.all(),
            counters: counters(sizes),
        })
    }
}

impl<'a> Builder<'a> {
    fn new(
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
            samples_seen: device.zeros("samples_seen", Element::U32, counters(sizes).len())?,
            kernels: BTreeMap::new(),
            device,
            shaders,
            sizes,
            alpha,
            layers,
        })
    }

    /// Uploads a set of samples: pixels packed four in a u32, each picture padded with zeros.
    fn samples(&self, label: &str, samples: &Samples, counter: usize) -> Result<SampleBuffers> {
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

    /// Partial sums that count_metrics leaves; reduce_metrics adds them up in one loop.
    fn metric_partials(&self, samples: usize) -> Result<usize, ShaderError> {
        let shader = self.shaders.get("count_metrics");
        let rows = shader.constant("ROWS")?;
        match samples.div_ceil(rows) {
            partials @ ..=MAX_TRIPS => Ok(partials),
            partials => Err(ShaderError::Interface {
                path: shader.path.clone(),
                message: format!(
                    "ROWS = {rows} leaves {partials} partial sums of {samples} samples; at most {MAX_TRIPS} can be added up: make ROWS larger"
                ),
            }),
        }
    }

    fn iteration(&mut self, samples: &SampleBuffers) -> Result<Vec<Command>> {
        let mut commands: Vec<_> = self
            .layers
            .iter()
            .flat_map(|layer| [&layer.dw_partials, &layer.db_partials])
            .map(|partials| Command::Clear(partials.all()))
            .collect();
        for rows in chunks(samples.len, self.sizes.chunk) {
            self.forward(samples, rows, &mut commands)?;
            self.backward(samples, rows, &mut commands)?;
        }
        self.metrics(samples, &mut commands)?;
        self.update(samples, &mut commands)?;
        Ok(commands)
    }

    fn evaluation(&mut self, samples: &SampleBuffers) -> Result<Vec<Command>> {
        let mut commands = Vec::new();
        for rows in chunks(samples.len, self.sizes.chunk) {
            self.forward(samples, rows, &mut commands)?;
        }
        self.metrics(samples, &mut commands)?;
        Ok(commands)
    }

    /// z1 = x w1ᵀ + b1, a1 = relu(z1), ..., and of the last layer loss, hits and dz.
    fn forward(&mut self, samples: &SampleBuffers, rows: Rows, commands: &mut Vec<Command>) -> Result<()> {
        let last = self.layers.len() - 1;
        for layer in 0..=last {
            let names = self.names(samples, rows, layer);
            let matmul = if layer == 0 { "matmul_pixels" } else { "matmul" };
            self.push(commands, matmul, &names, self.layer_sizes(rows, layer))?;
            let next = if layer == last { "softmax_cross_entropy" } else { "relu" };
            self.push(commands, next, &names, self.layer_sizes(rows, layer))?;
        }
        Ok(())
    }

    /// From dz of the last layer down: dw, db, da and dz of the layer below.
    fn backward(&mut self, samples: &SampleBuffers, rows: Rows, commands: &mut Vec<Command>) -> Result<()> {
        for layer in (0..self.layers.len()).rev() {
            let mut names = self.names(samples, rows, layer);
            let (weight_splits, bias_splits) = self.sizes.layer_splits(layer);
            let sizes = |splits| Sizes { splits, ..self.layer_sizes(rows, layer) };
            let (of_weights, of_biases) = (sizes(weight_splits), sizes(bias_splits));
            let weights = if layer == 0 { "weight_gradient_pixels" } else { "weight_gradient" };
            self.push_counting(commands, weights, &names, of_weights, weight_counter(layer))?;
            self.push_counting(commands, "bias_gradient", &names, of_biases, bias_counter(layer))?;
            if layer > 0 {
                let below = self.names(samples, rows, layer - 1);
                names.insert("da", below["da"].clone());
                self.push(commands, "input_gradient", &names, self.layer_sizes(rows, layer))?;
                self.push(commands, "relu_backward", &below, self.layer_sizes(rows, layer - 1))?;
            }
        }
        Ok(())
    }

    /// Loss and hits of all samples.
    fn metrics(&mut self, samples: &SampleBuffers, commands: &mut Vec<Command>) -> Result<()> {
        let all = Rows { start: 0, len: samples.len };
        let names = self.names(samples, all, 0);
        let sizes = Sizes { m: samples.len, ..Sizes::default() };
        self.push_counting(commands, "count_metrics", &names, sizes, samples.counter)?;
        self.push(commands, "reduce_metrics", &names, sizes)
    }

    /// The mean gradient of every parameter, and the step.
    fn update(&mut self, samples: &SampleBuffers, commands: &mut Vec<Command>) -> Result<()> {
        let all = Rows { start: 0, len: samples.len };
        for layer in 0..self.layers.len() {
            let mut names = self.names(samples, all, layer);
            let (weight_splits, bias_splits) = self.sizes.layer_splits(layer);
            for (partials, gradient, splits) in
                [("dw_partials", "dw", weight_splits), ("db_partials", "db", bias_splits)]
            {
                let gradient = names[gradient].clone();
                let n = gradient.size as usize / 4;
                names.insert("partials", names[partials].clone());
                names.insert("gradient", gradient);
                let sizes = Sizes { m: samples.len, n, splits, ..Sizes::default() };
                self.push(commands, "reduce_gradient", &names, sizes)?;
            }
        }
        let names = self.names(samples, all, 0);
        let sizes = Sizes { n: self.sizes.layout.len, ..Sizes::default() };
        self.push(commands, "gradient_descent", &names, sizes)
    }

    fn layer_sizes(&self, rows: Rows, layer: usize) -> Sizes {
        let layout = &self.sizes.layout.layers[layer];
        Sizes { m: rows.len, k: layout.k, n: layout.n, splits: 0, classes: self.sizes.shape.classes() }
    }

    /// The slice behind each variable name, for one layer and a range of rows. Activations hold one
    /// chunk, so theirs start at 0 whatever the range.
    fn names(&self, samples: &SampleBuffers, rows: Rows, layer: usize) -> Names {
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

    fn push(&mut self, commands: &mut Vec<Command>, name: &str, names: &Names, sizes: Sizes) -> Result<()> {
        self.push_counting(commands, name, names, sizes, 0)
    }

    fn push_counting(
        &mut self,
        commands: &mut Vec<Command>,
        name: &str,
        names: &Names,
        sizes: Sizes,
        counter: usize,
    ) -> Result<()> {
        let dispatch = self.dispatch(name, names, sizes, counter)?;
        commands.push(Command::Dispatch(dispatch));
        Ok(())
    }

    fn dispatch(&mut self, name: &str, names: &Names, sizes: Sizes, counter: usize) -> Result<Dispatch> {
        let shader = self.shaders.get(name);
        let overrides = sizes.overrides(shader, self.alpha, counter);
        let invocations = entry(name).map(|entry| (entry.invocations)(&sizes, shader)).transpose()?;
        let key = format!("{name} {overrides:?}");
        if !self.kernels.contains_key(&key) {
            let kernel = Kernel::new(self.device, name, shader, &overrides)?;
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

fn chunks(len: usize, chunk: usize) -> impl Iterator<Item = Rows> {
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
