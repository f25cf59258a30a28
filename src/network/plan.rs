//! The commands of a whole training, made once and submitted any number of times.

use std::collections::BTreeMap;

use super::{
    Ahead, Parameters, PlanKind, Work,
    builder::Builder,
    compiler::Compiler,
    fused,
    samples::SampleBuffers,
    sizes::{PlanSizes, metrics_counter},
};
use crate::{
    Result,
    data::{Dataset, Split},
    gpu::{Buffer, Command, Device, Slice},
    kernels::Shaders,
};

/// Commands that belong together, and how far they move the counters of samples.
#[derive(Clone)]
pub struct Pass {
    /// In their order.
    pub commands: Vec<Command>,
    /// What each of `counters` goes on by.
    pub samples: usize,
    /// Places in `samples_seen`.
    pub counters: Vec<usize>,
}

/// A set of samples on the device.
pub struct Set {
    /// A forward pass over it, and its metrics.
    pub evaluate: Pass,
    /// Sums of the losses, which add up; hits, and how many additions there were.
    pub totals: [Slice; 2],
}

/// Commands and buffers of a network on a device.
pub struct Plan {
    /// One iteration: of mini-batches a full one, and with its metrics.
    pub iteration: Pass,
    /// The last iteration of an epoch, where its batch has fewer samples.
    pub short: Option<Pass>,
    /// An iteration that adds its metrics to the totals of the training samples.
    pub iteration_with_metrics: Pass,
    /// Sets those totals to 0, once they are told.
    pub clear_totals: Vec<Command>,
    /// What each dispatch of `iteration_with_metrics` computes, in their order.
    pub work: Vec<Work>,
    /// The sets that there are.
    pub sets: BTreeMap<Split, Set>,
    /// What the host sends ahead of the iterations; none where they are all alike.
    pub ahead: Option<Ahead>,
    /// All parameters, laid out by [`super::Layout`].
    pub parameters: Slice,
    /// The mean gradients of the last iteration in the same places; zeros where no kernel keeps them
    /// (`reduce_update`).
    pub gradients: Slice,
    /// Samples that went into each sum since the start, modulo 2^32.
    pub samples_seen: Slice,
    /// The kernel that each counter of `samples_seen` is kept by.
    pub counters: Vec<String>,
}

impl Plan {
    /// Uploads samples and parameters, compiles the kernels and lists the commands. The driver is ready for
    /// the iterations then.
    ///
    /// # Errors
    /// A device error where memory runs out, a shader error where a kernel does not fit.
    pub fn new(
        device: &Device,
        shaders: &Shaders,
        sizes: &PlanSizes,
        data: &Dataset,
        parameters: &Parameters,
    ) -> Result<Self> {
        let compiler = Compiler::new(device, shaders, sizes, data);
        let mut builder = Builder::new(compiler, parameters)?;
        // The largest kernel takes the driver as long as all else together.
        let (ahead, sets) = rayon::join(|| fused::compile_ahead(&compiler), || builder.sets(data));
        let (train, sets) = sets?;
        builder.kernels.extend(ahead?);
        builder.work.clear();
        let Iterations { full, short, with_metrics } = builder.iterations(&train)?;
        // Behind it is that of the short batch.
        let dispatches = with_metrics.commands.iter().filter(|c| matches!(c, Command::Dispatch(_)));
        let work = builder.work[..dispatches.count()].to_vec();
        // Some drivers compile at the first dispatch, which would count to the first iteration's time.
        // Evaluations have a time of their own.
        let iterations = [&full, &with_metrics].into_iter().chain(&short);
        device.make_ready(iterations.flat_map(|pass| &pass.commands))?;
        Ok(Plan {
            iteration: full,
            short,
            iteration_with_metrics: with_metrics,
            clear_totals: train.clear_totals(),
            sets,
            ahead: builder.ahead()?,
            parameters: builder.parameters.all(),
            gradients: builder.gradients.all(),
            samples_seen: builder.samples_seen.all(),
            counters: sizes.counters(),
            work,
        })
    }
}

/// The kinds of iterations of a plan.
struct Iterations {
    full: Pass,
    short: Option<Pass>,
    with_metrics: Pass,
}

impl Builder<'_> {
    /// Uploads the sets and lists their evaluations.
    fn sets(&mut self, data: &Dataset) -> Result<(SampleBuffers, BTreeMap<Split, Set>)> {
        let mut sets = BTreeMap::new();
        let train = self.samples("train", &data.train, metrics_counter(Split::Train))?;
        for split in Split::ALL {
            let Some(samples) = data.set(split) else { continue };
            let buffers = match split {
                Split::Train => train.clone(),
                _ => self.samples(split.name(), samples, metrics_counter(split))?,
            };
            let totals = buffers.totals.each_ref().map(Buffer::all);
            sets.insert(split, Set { evaluate: self.evaluation(&buffers)?, totals });
        }
        Ok((train, sets))
    }

    fn iterations(&mut self, train: &SampleBuffers) -> Result<Iterations> {
        let sizes = self.compiler.sizes;
        if sizes.kind == PlanKind::Fused {
            let (full, with_metrics) = self.fused_iteration(train)?;
            return Ok(Iterations { full, short: None, with_metrics });
        }
        if sizes.recipe.batch.is_none() {
            let full = self.full_batch_iteration(train)?;
            let mut with_metrics = full.clone();
            self.metrics(train, &mut with_metrics.commands)?;
            with_metrics.counters.push(train.counter);
            return Ok(Iterations { full, short: None, with_metrics });
        }
        let batch = self.batch_buffers(train)?;
        let full = self.batch_iteration(train, &batch)?;
        let short = match train.len % batch.len {
            0 => None,
            rest => Some(self.batch_iteration(train, &batch.first(rest))?),
        };
        Ok(Iterations { with_metrics: full.clone(), full, short })
    }

    fn full_batch_iteration(&mut self, train: &SampleBuffers) -> Result<Pass> {
        let mut commands = Vec::new();
        self.next_step(&mut commands)?;
        let Pass { commands: step, samples, counters } = self.layerwise_iteration(train)?;
        commands.extend(step);
        Ok(Pass { commands, samples, counters })
    }
}
