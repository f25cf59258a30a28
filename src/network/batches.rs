//! Mini-batches, and what differs from step to step: the host sends the order of the samples and the
//! learning rates of many steps ahead, and a clock on the device counts which one it is at. So all
//! steps are the same commands.

use super::{
    builder::Builder,
    plan::Pass,
    samples::{Rows, SampleBuffers},
    sizes::metrics_counter,
};
use crate::{
    Result,
    data::{Samples, Split},
    gpu::{Buffer, Command, Device, DeviceError, Element, ShaderError, Slice},
    kernels::Sizes,
    recipe::{BETAS, Recipe},
};

/// Most steps that are sent ahead at once: some milliseconds of a fast device, at most 64 KiB of rates.
const SEGMENT: usize = 4096;

/// What the host sends ahead of the steps.
#[derive(Clone)]
pub struct Ahead {
    /// Most steps at once.
    pub steps: usize,
    /// Samples in their order, a batch for each step; empty without batches.
    pub order: Slice,
    /// The shift of each; empty where nothing is shifted.
    pub shifts: Slice,
    /// The learning rate of each step, and corrections: four numbers.
    pub rates: Slice,
    /// Steps done of these.
    pub clock: Slice,
    /// Decay of the optimizer's moments, as its shader has them.
    pub betas: [f64; 2],
}

/// The memory of it.
pub(super) struct AheadBuffers {
    steps: usize,
    pub(super) order: Buffer,
    pub(super) shifts: Buffer,
    pub(super) rates: Buffer,
    pub(super) clock: Buffer,
    /// The row of the present step.
    pub(super) rate: Buffer,
}

impl AheadBuffers {
    pub(super) fn new(device: &Device, recipe: &Recipe, samples: usize) -> Result<Self, DeviceError> {
        let steps = match recipe.batch {
            Some(_) => recipe.epoch_iters(samples).min(SEGMENT),
            None => SEGMENT,
        };
        let ordered = if recipe.batch.is_some() { steps * recipe.rows(samples) } else { 0 };
        let shifted = if recipe.shift { ordered } else { 0 };
        // Where nothing is sent ahead this is the rate of all steps.
        let rate = recipe.rate.row(0, BETAS).packed();
        Ok(AheadBuffers {
            steps,
            order: device.zeros("order", Element::U32, ordered)?,
            shifts: device.zeros("shifts", Element::U32, shifted)?,
            rates: device.zeros("rates", Element::F32, 4 * steps)?,
            clock: device.zeros("clock", Element::U32, 1)?,
            rate: device.upload("rate", Element::F32, bytemuck::cast_slice(&rate))?,
        })
    }
}

impl Builder<'_> {
    /// What the host sends ahead; none where all steps are alike.
    pub(super) fn ahead(&self) -> Result<Option<Ahead>, ShaderError> {
        if !self.compiler.sizes.recipe.needs_clock() {
            return Ok(None);
        }
        let AheadBuffers { steps, order, shifts, rates, clock, .. } = &self.ahead;
        Ok(Some(Ahead {
            steps: *steps,
            order: order.all(),
            shifts: shifts.all(),
            rates: rates.all(),
            clock: clock.all(),
            betas: self.betas()?,
        }))
    }

    /// The decay of the moments, from the optimizer's shader: an edited one may have others.
    fn betas(&self) -> Result<[f64; 2], ShaderError> {
        let optimizer = self.compiler.sizes.recipe.optimizer;
        if !optimizer.counts_steps() {
            return Ok(BETAS);
        }
        let shader = self.compiler.shader(optimizer.kernel(), &Sizes::default())?;
        let beta = |name: &str| match shader.number(name) {
            Some(beta) if (0.0..1.0).contains(&beta) => Ok(beta),
            _ => Err(ShaderError::Interface {
                path: shader.path.clone(),
                message: format!(
                    "expected a line `const {name} = 0.9;` with a number from 0 to below 1 (the host corrects the moments by it)"
                ),
            }),
        };
        Ok([beta("BETA1")?, beta("BETA2")?])
    }

    /// Room for a batch, and the metrics of the training beside it.
    pub(super) fn batch_buffers(&self, train: &SampleBuffers) -> Result<SampleBuffers> {
        let len = self.compiler.sizes.rows();
        let inputs = self.compiler.sizes.layout.layers[0].k;
        let empty = Samples { pixels: vec![0; len * inputs], labels: vec![0; len], inputs };
        let batch = self.samples("batch", &empty, metrics_counter(Split::Train))?;
        Ok(SampleBuffers { totals: train.totals.clone(), ..batch })
    }

    /// One step: the batch is gathered, trains, and its metrics are added to those of the steps before.
    pub(super) fn batch_iteration(&mut self, train: &SampleBuffers, batch: &SampleBuffers) -> Result<Pass> {
        let mut commands = Vec::new();
        let mut names = self.names(batch, Rows { start: 0, len: batch.len }, 0);
        names.insert("train_pixels", train.pixels.all());
        names.insert("train_labels", train.labels.all());
        let sizes = Sizes { m: batch.len, k: self.compiler.sizes.layout.layers[0].k, ..Sizes::default() };
        if let Some(gather) = self.compiler.sizes.recipe.gather() {
            self.push(&mut commands, gather, &names, sizes, self.compiler.settings(0))?;
        }
        self.next_step(&mut commands)?;
        let Pass { commands: step, samples, mut counters } = self.layerwise_iteration(batch)?;
        commands.extend(step);
        self.metrics(batch, &mut commands)?;
        counters.push(batch.counter);
        Ok(Pass { commands, samples, counters })
    }

    /// Takes the rate of this step from those sent ahead, where there are any.
    pub(super) fn next_step(&mut self, commands: &mut Vec<Command>) -> Result<()> {
        if !self.compiler.sizes.recipe.needs_clock() {
            return Ok(());
        }
        let sizes = Sizes { n: self.ahead.steps, ..Sizes::default() };
        self.push(commands, "next_step", &self.flat_names(), sizes, self.compiler.settings(0))
    }
}
