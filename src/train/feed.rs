//! What the host sends ahead of the steps: the order of the samples and the learning rates, a segment of
//! an epoch at a time. Nothing is waited for: the device takes it in between two submissions.

use crate::{
    gpu::Device,
    network::Ahead,
    recipe::{Orders, Recipe},
};

/// The iterations of a training as they are handed out.
pub(super) struct Feed {
    recipe: Recipe,
    samples: usize,
    /// Iterations handed out.
    iter: usize,
    /// Of them, the first for which nothing has been sent.
    sent: usize,
    orders: Orders,
}

impl Feed {
    pub fn new(recipe: Recipe, samples: usize) -> Self {
        Feed { recipe, samples, iter: 0, sent: 0, orders: Orders::new(&recipe, samples) }
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

    /// Sends what the next iterations need, at most `most`, and says how many of them can follow in a
    /// row, as full batches, or a short one alone.
    pub fn prepare(&mut self, device: &Device, ahead: Option<&Ahead>, most: usize) -> usize {
        let Some(ahead) = ahead else { return most };
        if self.iter == self.sent {
            self.send(device, ahead);
        }
        let ready = most.min(self.sent - self.iter);
        match self.recipe.batch {
            Some(batch) if !self.ends_epoch() && !self.samples.is_multiple_of(batch) => {
                let iters = self.recipe.epoch_iters(self.samples);
                ready.min(iters - 1 - self.iter % iters)
            }
            _ => ready,
        }
    }

    /// Takes in that `count` iterations are handed out.
    pub fn advance(&mut self, count: usize) {
        self.iter += count;
    }

    /// A segment: as many steps as there is room for, in one epoch.
    fn send(&mut self, device: &Device, ahead: &Ahead) {
        let iters = self.recipe.epoch_iters(self.samples);
        let first = self.iter % iters;
        let steps = match self.recipe.batch {
            Some(_) => {
                let steps = ahead.steps.min(iters - first);
                let last = self.recipe.places(self.iter + steps - 1, self.samples);
                let places = self.recipe.places(self.iter, self.samples).start..last.end;
                let epoch = self.orders.epoch(self.iter / iters);
                device.write(&ahead.order, bytemuck::cast_slice(&epoch.order[places.clone()]));
                if !epoch.shifts.is_empty() {
                    device.write(&ahead.shifts, bytemuck::cast_slice(&epoch.shifts[places]));
                }
                steps
            }
            None => ahead.steps,
        };
        let row = |iter| self.recipe.rate.row(iter, ahead.betas).packed();
        let rates: Vec<[f32; 4]> = (self.iter..self.iter + steps).map(row).collect();
        device.write(&ahead.rates, bytemuck::cast_slice(&rates));
        device.write(&ahead.clock, bytemuck::bytes_of(&0u32));
        self.sent = self.iter + steps;
    }
}
