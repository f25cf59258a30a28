//! The layerwise plan: one kernel for each formula, any depth and width.
//!
//! The samples pass in chunks of rows, so that the memory for activations stays bounded however
//! many there are. Where there are several, a chunk's forward and backward pass add to the partial sums
//! of the gradients; after the last chunk these are reduced and the parameters are moved. All buffers and bindings
//! are made once; an iteration is a list of commands that can be recorded any number of times.

use super::{
    builder::Builder,
    plan::Pass,
    samples::{Rows, SampleBuffers, chunks},
    sizes::{bias_counter, weight_counter},
};
use crate::{
    Result,
    gpu::Command,
    kernels::{Settings, Sizes},
};

impl Builder<'_> {
    /// Forward, backward and update over `samples`; their metrics are left to be added up.
    pub(super) fn layerwise_iteration(&mut self, samples: &SampleBuffers) -> Result<Pass> {
        let mut commands = Vec::new();
        if self.compiler.sizes.has_several_chunks() {
            let partials = self.layers.iter().flat_map(|layer| [&layer.dw_partials, &layer.db_partials]);
            commands.extend(partials.cloned().map(Command::Clear));
        }
        for rows in chunks(samples.len, self.compiler.sizes.chunk) {
            self.forward(samples, rows, &mut commands)?;
            self.backward(samples, rows, &mut commands)?;
        }
        self.update(samples, &mut commands)?;
        let counters = (0..self.layers.len()).flat_map(|layer| [weight_counter(layer), bias_counter(layer)]);
        Ok(Pass { commands, samples: samples.len, counters: counters.collect() })
    }

    /// A forward pass over a whole set, and its metrics.
    pub(super) fn evaluation(&mut self, samples: &SampleBuffers) -> Result<Pass> {
        let mut commands = samples.clear_totals();
        for rows in chunks(samples.len, self.compiler.sizes.chunk) {
            self.forward(samples, rows, &mut commands)?;
        }
        self.metrics(samples, &mut commands)?;
        Ok(Pass { commands, samples: samples.len, counters: vec![samples.counter] })
    }

    fn layer_settings(&self, layer: usize) -> Settings {
        let units = self.compiler.sizes.shape.layers().nth(layer).map_or(0, |layer| layer.outputs);
        Settings { units, ..self.compiler.settings(0) }
    }

    /// z1 = x w1ᵀ + b1, a1 = f(z1), ..., and of the last layer loss, hits and dz.
    fn forward(&mut self, samples: &SampleBuffers, rows: Rows, commands: &mut Vec<Command>) -> Result<()> {
        let last = self.layers.len() - 1;
        let [activation, _] = self.compiler.sizes.recipe.activation.kernels();
        for layer in 0..=last {
            let names = self.names(samples, rows, layer);
            let settings = self.layer_settings(layer);
            let matmul = if layer == 0 { "matmul_pixels" } else { "matmul" };
            self.push(commands, matmul, &names, self.layer_sizes(rows, layer), settings)?;
            let next = if layer == last { "softmax_cross_entropy" } else { activation };
            self.push(commands, next, &names, self.layer_sizes(rows, layer), settings)?;
        }
        Ok(())
    }

    /// From dz of the last layer down: dw, db, da and dz of the layer below.
    fn backward(&mut self, samples: &SampleBuffers, rows: Rows, commands: &mut Vec<Command>) -> Result<()> {
        let [_, activation_backward] = self.compiler.sizes.recipe.activation.kernels();
        for layer in (0..self.layers.len()).rev() {
            let mut names = self.names(samples, rows, layer);
            let (weight_splits, bias_splits) = self.compiler.sizes.layer_splits(layer);
            let sizes = |splits| Sizes { splits, ..self.layer_sizes(rows, layer) };
            let (of_weights, of_biases) = (sizes(weight_splits), sizes(bias_splits));
            let counting = |counter| Settings { counter, ..self.layer_settings(layer) };
            let (count_weights, count_biases) =
                (counting(weight_counter(layer)), counting(bias_counter(layer)));
            let weights = if layer == 0 { "weight_gradient_pixels" } else { "weight_gradient" };
            self.push(commands, weights, &names, of_weights, count_weights)?;
            self.push(commands, "bias_gradient", &names, of_biases, count_biases)?;
            if layer > 0 {
                let below = self.names(samples, rows, layer - 1);
                names.insert("da", below["da"].clone());
                let (sizes, settings) = (self.layer_sizes(rows, layer), self.layer_settings(layer));
                self.push(commands, "input_gradient", &names, sizes, settings)?;
                let (sizes, settings) = (self.layer_sizes(rows, layer - 1), self.layer_settings(layer - 1));
                self.push(commands, activation_backward, &below, sizes, settings)?;
            }
        }
        Ok(())
    }

    /// Adds loss and hits of all samples, from what a forward pass left, to the totals.
    pub(super) fn metrics(&mut self, samples: &SampleBuffers, commands: &mut Vec<Command>) -> Result<()> {
        let names = self.names(samples, Rows { start: 0, len: samples.len }, 0);
        let partials = names["loss_partials"].size as usize / 4;
        let of_samples = Sizes { m: samples.len, k: self.metric_rows()?, ..Sizes::default() };
        let of_partials = Sizes { m: partials, ..Sizes::default() };
        let counting = self.compiler.settings(samples.counter);
        self.push(commands, "count_metrics", &names, of_samples, counting)?;
        self.push(commands, "reduce_metrics", &names, of_partials, self.compiler.settings(0))
    }

    /// The mean gradient of every parameter, and the step.
    fn update(&mut self, samples: &SampleBuffers, commands: &mut Vec<Command>) -> Result<()> {
        let all = Rows { start: 0, len: samples.len };
        if let Some(partials) = &self.partials {
            let names = [("partials", partials.all()), ("gradient", self.gradients.all())].into();
            let len = self.compiler.sizes.layout.len;
            let sizes = Sizes { m: samples.len, n: len, splits: 1, ..Sizes::default() };
            self.push(commands, "reduce_gradient", &names, sizes, self.compiler.settings(0))?;
            return self.optimize(commands);
        }
        for layer in 0..self.layers.len() {
            let mut names = self.names(samples, all, layer);
            let (weight_splits, bias_splits) = self.compiler.sizes.layer_splits(layer);
            for (partials, gradient, splits) in
                [("dw_partials", "dw", weight_splits), ("db_partials", "db", bias_splits)]
            {
                let gradient = names[gradient].clone();
                let n = gradient.size as usize / 4;
                names.insert("partials", names[partials].clone());
                names.insert("gradient", gradient);
                let sizes = Sizes { m: samples.len, n, splits, ..Sizes::default() };
                self.push(commands, "reduce_gradient", &names, sizes, self.compiler.settings(0))?;
            }
        }
        self.optimize(commands)
    }

    /// The step from the mean gradients.
    pub(super) fn optimize(&mut self, commands: &mut Vec<Command>) -> Result<()> {
        let sizes = Sizes { n: self.compiler.sizes.layout.len, ..Sizes::default() };
        let kernel = self.compiler.sizes.recipe.optimizer.kernel();
        self.push(commands, kernel, &self.flat_names(), sizes, self.compiler.settings(0))
    }
}
