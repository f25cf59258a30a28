//! The buffers of a plan, and the names that a shader's variables find them by.

use std::collections::BTreeMap;

use super::{BufferId, BufferSpec, PlanRequest, Start, StepInputs, View, request::Rows};
use crate::{
    data::Split,
    gpu::{Element, Interface, MAX_ITERATIONS, ShaderError},
    recipe::BETAS,
};

/// Sums of the loss that reduce_metrics adds to in rotation: with 256 of them, half a million additions
/// leave five digits and more.
const LOSS_SUMS: usize = 256;
/// The most steps that are sent ahead at once: some milliseconds of a fast device, at most 64 KiB of rates.
const MAX_STEPS_AHEAD: usize = 4096;

/// What each variable name may be bound to at one place.
pub(super) type Names = BTreeMap<&'static str, View>;

/// The memory of a plan.
pub(super) struct Memory {
    pub buffers: Vec<BufferSpec>,
    /// What has nothing to do with layers and samples.
    pub flat: Names,
    pub layers: Vec<LayerViews>,
    pub sets: BTreeMap<Split, SampleViews>,
    pub step_inputs: Option<StepInputs>,
    /// Samples of a partial sum of the metrics.
    pub metric_rows: usize,
}

/// The values of one layer for a chunk of rows. The last layer has no use for `a` and `da`, but an
/// edited shader may bind them.
#[derive(Clone, Copy)]
pub(super) struct LayerViews {
    pub z: View,
    pub a: View,
    pub da: View,
    pub dz: View,
    pub dw_partials: View,
    pub db_partials: View,
}

/// The samples of a set, and what a forward pass leaves for each of them.
#[derive(Clone, Copy)]
pub(super) struct SampleViews {
    pub len: usize,
    /// The set that the metrics count for.
    pub split: Split,
    pub pixels: View,
    pub labels: View,
    pub loss: View,
    pub correct: View,
    pub loss_partials: View,
    pub correct_partials: View,
    pub loss_sum: View,
    pub correct_sum: View,
}

/// Splits of the weights' and of the biases' sums of each layer.
pub(super) type LayerSplits = Vec<(usize, usize)>;

impl Memory {
    /// The memory of `request` with these splits; `partial_metrics` is the kernel that leaves partial sums.
    pub fn new(
        request: &PlanRequest,
        splits: &LayerSplits,
        partial_metrics: &Interface,
    ) -> Result<Self, ShaderError> {
        let metric_rows = partial_metrics.constant("ROWS")?;
        let mut memory = Memory {
            buffers: Vec::new(),
            flat: Names::new(),
            layers: Vec::new(),
            sets: BTreeMap::new(),
            step_inputs: None,
            metric_rows,
        };
        memory.add_flat(request);
        memory.add_step_inputs(request);
        memory.add_layers(request, splits);
        for split in request.splits_with_samples() {
            check_partials(partial_metrics, metric_rows, request.lengths.of(split))?;
            memory.add_set(request, split);
        }
        Ok(memory)
    }

    /// Declares a buffer.
    pub fn add(&mut self, name: &str, element: Element, len: usize, start: Start) -> View {
        let buffer = BufferId(self.buffers.len());
        self.buffers.push(BufferSpec { name: name.into(), element, len, start, texture_row: None });
        View { buffer, start: 0, len }
    }

    /// Declares a buffer of zeros.
    pub fn zeros(&mut self, name: &str, element: Element, len: usize) -> View {
        self.add(name, element, len, Start::Zeros)
    }

    /// Declares a copy of a view as a texture with rows of `row` texels.
    pub fn texture(&mut self, name: &str, of: View, row: usize) -> View {
        let view = self.add(name, Element::U32, of.len, Start::CopyOf(of.buffer));
        self.buffers[view.buffer.0].texture_row = Some(row);
        view
    }

    fn add_flat(&mut self, request: &PlanRequest) {
        let len = request.layout.len;
        let parameters = self.add("parameters", Element::F32, len, Start::Parameters);
        let gradients = self.zeros("gradients", Element::F32, len);
        let samples_seen = self.zeros("samples_seen", Element::U32, 0); // as long as there are counters
        self.flat.extend([
            ("parameters", parameters),
            ("gradients", gradients),
            ("samples_seen", samples_seen),
        ]);
        for &name in request.recipe.optimizer.state() {
            let state = self.zeros(name, Element::F32, len);
            self.flat.insert(name, state);
        }
    }

    fn add_step_inputs(&mut self, request: &PlanRequest) {
        let (recipe, samples) = (&request.recipe, request.lengths.train);
        let steps = match recipe.batch {
            Some(_) => recipe.epoch_iters(samples).min(MAX_STEPS_AHEAD),
            None => MAX_STEPS_AHEAD,
        };
        let ordered = if recipe.batch.is_some() { steps * recipe.rows(samples) } else { 0 };
        let shifted = if recipe.shift { ordered } else { 0 };
        // If nothing is sent ahead this is the rate of all steps.
        let rate = recipe.rate.row(0, BETAS).packed().to_vec();
        let inputs = StepInputs {
            steps,
            order: self.zeros("order", Element::U32, ordered),
            shifts: self.zeros("shifts", Element::U32, shifted),
            rates: self.zeros("rates", Element::F32, 4 * steps),
            step: self.zeros("steps_done", Element::U32, 1),
        };
        let rate = self.add("rate", Element::F32, rate.len(), Start::Values(rate));
        let StepInputs { order, shifts, rates, step, .. } = inputs;
        self.flat.extend([
            ("order", order),
            ("shifts", shifts),
            ("rates", rates),
            ("steps_done", step),
            ("rate", rate),
        ]);
        self.step_inputs = recipe.steps_differ().then_some(inputs);
    }

    /// If no sum is split, its partial sum is its sum, and those of all layers lie in one buffer, in the
    /// places of the parameters.
    fn add_layers(&mut self, request: &PlanRequest, splits: &LayerSplits) {
        let together = splits.iter().all(|&split| split == (1, 1));
        let partials = together.then(|| self.zeros("partials", Element::F32, request.layout.len));
        self.flat.extend(partials.map(|partials| ("partials", partials)));
        for (index, (layer, &(weight_splits, bias_splits))) in
            request.layout.layers.iter().zip(splits).enumerate()
        {
            let (weights, biases) = (layer.n * layer.k, layer.n);
            let mut of_layer =
                |name: &str, len: usize| self.zeros(&format!("{name} of layer {index}"), Element::F32, len);
            let mut rows = |name: &str| of_layer(name, request.chunk * layer.n);
            let (z, a, da, dz) = (rows("z"), rows("a"), rows("da"), rows("dz"));
            let (dw_partials, db_partials) = match partials {
                Some(all) => (all.part(layer.weight, weights), all.part(layer.bias, biases)),
                None => (
                    of_layer("dw_partials", weight_splits * weights),
                    of_layer("db_partials", bias_splits * biases),
                ),
            };
            self.layers.push(LayerViews { z, a, da, dz, dw_partials, db_partials });
        }
    }

    fn add_set(&mut self, request: &PlanRequest, split: Split) {
        let (len, inputs) = (request.lengths.of(split), request.inputs());
        let name = |what: &str| format!("{what} of the {} samples", split.name());
        let pixels = Start::Pixels(split, inputs);
        let pixels = self.add(&name("pixels"), Element::U32, len * inputs / 4, pixels);
        let labels = self.add(&name("labels"), Element::U32, len, Start::Labels(split));
        let loss_sum = self.zeros(&name("loss_sum"), Element::F32, LOSS_SUMS);
        let correct_sum = self.zeros(&name("correct_sum"), Element::U32, 2);
        let samples = self.samples(split.name(), (split, len), (pixels, labels), (loss_sum, correct_sum));
        self.sets.insert(split, samples);
    }

    /// Room for a batch, whose metrics add to those of the training set.
    pub fn add_batch(&mut self, request: &PlanRequest) -> SampleViews {
        let (len, train) = (request.rows(), self.sets[&Split::Train]);
        let pixels = self.zeros("pixels of the batch samples", Element::U32, len * request.inputs() / 4);
        let labels = self.zeros("labels of the batch samples", Element::U32, len);
        let totals = (train.loss_sum, train.correct_sum);
        self.samples("batch", (Split::Train, len), (pixels, labels), totals)
    }

    fn samples(
        &mut self,
        label: &str,
        (split, len): (Split, usize),
        (pixels, labels): (View, View),
        (loss_sum, correct_sum): (View, View),
    ) -> SampleViews {
        let partials = len.div_ceil(self.metric_rows);
        let mut zeros =
            |what: &str, element, len| self.zeros(&format!("{what} of the {label} samples"), element, len);
        SampleViews {
            len,
            split,
            pixels,
            labels,
            loss: zeros("loss", Element::F32, len),
            correct: zeros("correct", Element::U32, len),
            loss_partials: zeros("loss_partials", Element::F32, partials),
            correct_partials: zeros("correct_partials", Element::U32, partials),
            loss_sum,
            correct_sum,
        }
    }

    /// The view of each variable name, for one layer and a range of rows. Activations hold one chunk, so
    /// theirs start at 0 whatever the range.
    pub fn names(&self, request: &PlanRequest, samples: &SampleViews, rows: Rows, layer: usize) -> Names {
        let (padded, views) = (&request.layout.layers[layer], &self.layers[layer]);
        let held = rows.len.min(request.chunk) * padded.n;
        let of_rows = |view: View, each: usize| view.part(rows.start * each, rows.len * each);
        let (parameters, gradients) = (self.flat["parameters"], self.flat["gradients"]);
        let mut names = self.flat.clone();
        names.extend([
            ("pixels", of_rows(samples.pixels, request.inputs() / 4)),
            ("labels", of_rows(samples.labels, 1)),
            ("loss", of_rows(samples.loss, 1)),
            ("correct", of_rows(samples.correct, 1)),
            ("loss_partials", self.partials_of(samples.loss_partials, samples)),
            ("correct_partials", self.partials_of(samples.correct_partials, samples)),
            ("loss_sum", samples.loss_sum),
            ("correct_sum", samples.correct_sum),
            ("w", parameters.part(padded.weight, padded.n * padded.k)),
            ("b", parameters.part(padded.bias, padded.n)),
            ("dw", gradients.part(padded.weight, padded.n * padded.k)),
            ("db", gradients.part(padded.bias, padded.n)),
            ("z", views.z.part(0, held)),
            ("a", views.a.part(0, held)),
            ("da", views.da.part(0, held)),
            ("dz", views.dz.part(0, held)),
            ("dw_partials", views.dw_partials),
            ("db_partials", views.db_partials),
        ]);
        if let Some(below) = layer.checked_sub(1) {
            names.insert("x", self.layers[below].a.part(0, rows.len.min(request.chunk) * padded.k));
        }
        names
    }

    fn partials_of(&self, partials: View, samples: &SampleViews) -> View {
        partials.part(0, samples.len.div_ceil(self.metric_rows))
    }
}

/// reduce_metrics adds the partial sums up in one loop.
fn check_partials(partial_metrics: &Interface, rows: usize, samples: usize) -> Result<(), ShaderError> {
    match samples.div_ceil(rows) {
        ..=MAX_ITERATIONS => Ok(()),
        partials => Err(ShaderError::Interface {
            path: partial_metrics.path.clone(),
            message: format!(
                "ROWS = {rows} leaves {partials} partial sums of {samples} samples; at most {MAX_ITERATIONS} can be added up: make ROWS larger"
            ),
        }),
    }
}
