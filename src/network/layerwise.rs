//! The layerwise plan: one kernel for each formula, any depth and width.
//!
//! The samples pass in chunks of rows, so that the memory for activations stays bounded however
//! many there are. A chunk's forward and backward pass add to the partial sums of the gradients;
//! after the last chunk these are reduced and the parameters are moved. All buffers and bindings
//! are made once; an iteration is a list of commands that can be recorded any number of times.

use super::{
    builder::{Builder, Rows, SampleBuffers, chunks},
    sizes::{bias_counter, weight_counter},
};
use crate::{Result, gpu::Command, kernels::Sizes};

impl Builder<'_> {
    pub(super) fn layerwise_iteration(&mut self, samples: &SampleBuffers) -> Result<Vec<Command>> {
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
        self.update(samples, &mut commands)?;
        Ok(commands)
    }

    pub(super) fn evaluation(&mut self, samples: &SampleBuffers) -> Result<Vec<Command>> {
        let mut commands = Vec::new();
        for rows in chunks(samples.len, self.sizes.chunk) {
            self.forward(samples, rows, &mut commands)?;
        }
        commands.extend(self.metrics(samples)?);
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

    /// Loss and hits of all samples, from what a forward pass left.
    pub(super) fn metrics(&mut self, samples: &SampleBuffers) -> Result<Vec<Command>> {
        let all = Rows { start: 0, len: samples.len };
        let names = self.names(samples, all, 0);
        let partials = names["loss_partials"].size as usize / 4;
        let rows = self.metric_rows()?;
        let of_samples = Sizes { m: samples.len, k: rows, ..Sizes::default() };
        let of_partials = Sizes { m: partials, ..Sizes::default() };
        let mut commands = Vec::new();
        self.push_counting(&mut commands, "count_metrics", &names, of_samples, samples.counter)?;
        self.push(&mut commands, "reduce_metrics", &names, of_partials)?;
        Ok(commands)
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
}
