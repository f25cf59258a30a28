//! What the host writes ahead of the steps: the order of the samples and the learning rates, a segment of
//! an epoch at a time. Nothing is waited for: the device takes it in between two submissions.

use crate::{
    gpu::Device,
    plan::{Buffers, StepInputs},
    recipe::{Orders, Recipe},
};

/// Where the host writes, and the decay of the moments that it corrects by.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub device: &'a Device,
    pub buffers: &'a Buffers,
    pub steps: &'a StepInputs,
    pub betas: [f64; 2],
}

/// The iterations of a training as they are handed out.
pub(super) struct BatchFeeder {
    recipe: Recipe,
    samples: usize,
    /// Iterations handed out.
    iter: usize,
    /// The first iteration for which nothing has been sent.
    sent: usize,
    orders: Orders,
}

impl BatchFeeder {
    pub fn new(recipe: Recipe, samples: usize) -> Self {
        BatchFeeder { recipe, samples, iter: 0, sent: 0, orders: Orders::new(&recipe, samples) }
    }

    /// Iterations handed out.
    pub fn iter(&self) -> usize {
        self.iter
    }

    /// Whether the next iteration ends an epoch of mini-batches.
    pub fn ends_epoch(&self) -> bool {
        let iters = self.recipe.epoch_iters(self.samples);
        self.recipe.batch.is_some() && self.iter % iters == iters - 1
    }

    /// Samples of the next iteration.
    pub fn rows(&self) -> usize {
        self.recipe.places(self.iter, self.samples).len()
    }

    /// Sends what the next iterations need, at most `max`, and returns how many of them can follow in a
    /// row, as full batches, or a short one alone.
    pub fn prepare(&mut self, inputs: Option<Inputs>, max: usize) -> usize {
        let Some(inputs) = inputs else { return max };
        if self.iter == self.sent {
            self.send(inputs);
        }
        let ready = max.min(self.sent - self.iter);
        match self.recipe.batch {
            Some(batch) if !self.ends_epoch() && !self.samples.is_multiple_of(batch) => {
                let iters = self.recipe.epoch_iters(self.samples);
                ready.min(iters - 1 - self.iter % iters)
            }
            _ => ready,
        }
    }

    /// Notes that `count` iterations are handed out.
    pub fn advance(&mut self, count: usize) {
        self.iter += count;
    }

    /// A segment: as many steps as there is room for, in one epoch.
    fn send(&mut self, Inputs { device, buffers, steps: inputs, betas }: Inputs) {
        let iters = self.recipe.epoch_iters(self.samples);
        let first = self.iter % iters;
        let steps = match self.recipe.batch {
            Some(_) => {
                let steps = inputs.steps.min(iters - first);
                let last = self.recipe.places(self.iter + steps - 1, self.samples);
                let places = self.recipe.places(self.iter, self.samples).start..last.end;
                let epoch = self.orders.epoch(self.iter / iters);
                device
                    .write(&buffers.slice(inputs.order), bytemuck::cast_slice(&epoch.order[places.clone()]));
                if !epoch.shifts.is_empty() {
                    device.write(&buffers.slice(inputs.shifts), bytemuck::cast_slice(&epoch.shifts[places]));
                }
                steps
            }
            None => inputs.steps,
        };
        let row = |iter| self.recipe.rate.row(iter, betas).packed();
        let rates: Vec<[f32; 4]> = (self.iter..self.iter + steps).map(row).collect();
        device.write(&buffers.slice(inputs.rates), bytemuck::cast_slice(&rates));
        device.write(&buffers.slice(inputs.step), bytemuck::bytes_of(&0u32));
        self.sent = self.iter + steps;
    }
}
