//! The commands of a whole training, made once and submitted any number of times.

use super::{
    Parameters, PlanKind, Work,
    builder::{Builder, Compiler},
    fused,
    sizes::{Counter, PlanSizes, TEST_METRICS, TRAIN_METRICS},
};
use crate::{
    Result,
    data::Dataset,
    gpu::{Buffer, Command, Device, Slice},
    kernels::Shaders,
};

/// Commands and buffers of a network on a device.
pub struct Plan {
    /// One iteration of full-batch gradient descent.
    pub iteration: Vec<Command>,
    /// The same, and its metrics.
    pub iteration_with_metrics: Vec<Command>,
    /// What each dispatch of `iteration_with_metrics` computes, in their order.
    pub work: Vec<Work>,
    /// A forward pass over the training samples, and their metrics.
    pub evaluate_train: Vec<Command>,
    /// The same over the test samples.
    pub evaluate_test: Vec<Command>,
    /// All parameters, laid out by [`super::Layout`].
    pub parameters: Slice,
    /// Sum of the losses, and hits, of the training samples.
    pub train_totals: [Slice; 2],
    /// The same of the test samples.
    pub test_totals: [Slice; 2],
    /// Samples that went into each sum since the start, modulo 2^32.
    pub samples_seen: Slice,
    /// For each counter of `samples_seen`: its kernel, and what each list of commands adds.
    pub counters: Vec<Counter>,
}

impl Plan {
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
        // The largest kernel takes the driver as long as all else together.
        let compiler = Compiler { device, shaders, sizes, alpha };
        let (ahead, rest) = rayon::join(
            || fused::compile_ahead(&compiler),
            || -> Result<_> {
                let train = builder.samples("train", &data.train, TRAIN_METRICS)?;
                let test = builder.samples("test", &data.test, TEST_METRICS)?;
                let evaluations = (builder.evaluation(&train)?, builder.evaluation(&test)?);
                Ok((train, test, evaluations))
            },
        );
        let (train, test, (evaluate_train, evaluate_test)) = rest?;
        builder.kernels.extend(ahead?);
        builder.work.clear();
        let (iteration, metrics) = match sizes.kind {
            PlanKind::Layerwise => (builder.layerwise_iteration(&train)?, builder.metrics(&train)?),
            PlanKind::Fused => builder.fused_iteration(&train)?,
        };
        Ok(Plan {
            iteration_with_metrics: iteration.iter().chain(&metrics).cloned().collect(),
            iteration,
            work: builder.work,
            evaluate_train,
            evaluate_test,
            parameters: builder.parameters.all(),
            train_totals: train.totals.each_ref().map(Buffer::all),
            test_totals: test.totals.each_ref().map(Buffer::all),
            samples_seen: builder.samples_seen.all(),
            counters: sizes.counters(),
        })
    }
}
