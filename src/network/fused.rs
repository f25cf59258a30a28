//! The fused plan: a network with one narrow hidden layer in two dispatches an iteration.
//!
//! `fused_step` takes every image from its pixels to the gradients of all parameters, and so reads
//! the pixels once; `reduce_update` adds up what its workgroups leave, and moves the parameters. Other
//! optimizers than plain gradient descent are a kernel of their own behind `reduce_gradient`.

use super::{
    PlanKind,
    builder::Builder,
    compiler::Compiler,
    plan::Pass,
    samples::{Rows, SampleBuffers},
};
use crate::{
    Result,
    data::Split,
    gpu::{Command, Element, Kernel, ShaderError},
    kernels::{Shaders, Sizes},
    recipe::Optimizer,
};

/// The only counter of the iteration itself, behind those of the metrics.
pub(super) const COUNTER: usize = Split::ALL.len();

/// Compiles `fused_step`, where the plan has it, by the key that the builder finds it by.
pub(super) fn compile_ahead(compiler: &Compiler) -> Result<Option<(String, Kernel)>> {
    if compiler.sizes.kind == PlanKind::Layerwise {
        return Ok(None);
    }
    let (sizes, settings) = (compiler.sizes.fused(), compiler.settings(COUNTER));
    let shader = compiler.shader("fused_step", &sizes)?;
    let kernel = compiler.kernel("fused_step", &sizes, &settings)?;
    Ok(Some((compiler.key(&shader, &sizes, &settings), kernel)))
}

impl Builder<'_> {
    /// The iteration, and the same with its metrics.
    pub(super) fn fused_iteration(&mut self, samples: &SampleBuffers) -> Result<(Pass, Pass)> {
        let sizes = self.compiler.sizes.fused();
        let device = self.compiler.device;
        let len = self.compiler.sizes.layout.len;
        let partials = device.zeros("partials", Element::F32, sizes.splits * len)?;
        let mut names = self.names(samples, Rows { start: 0, len: samples.len }, 0);
        names.insert("partials", partials.all());
        names.insert("gradient", self.gradients.all());
        let partials = |name, element| device.zeros(name, element, sizes.splits);
        names.insert("loss_partials", partials("loss_partials", Element::F32)?.all());
        names.insert("hit_partials", partials("hit_partials", Element::U32)?.all());

        let shader = self.compiler.shader("fused_step", &sizes)?;
        names.insert("pixels", device.seen_by(&shader, "pixels", names["pixels"].clone())?);

        let mut commands = Vec::new();
        self.next_step(&mut commands)?;
        let counting = self.compiler.settings(COUNTER);
        self.push(&mut commands, "fused_step", &names, sizes, counting)?;
        let update = Sizes { m: samples.len, n: len, splits: sizes.splits, ..Sizes::default() };
        let settings = self.compiler.settings(0);
        if self.compiler.sizes.recipe.optimizer == Optimizer::Sgd {
            self.push(&mut commands, "reduce_update", &names, update, settings)?;
        } else {
            self.push(&mut commands, "reduce_gradient", &names, update, settings)?;
            self.optimize(&mut commands)?;
        }
        let mut with_metrics: Vec<Command> = commands.clone();
        let of_partials = Sizes { m: sizes.splits, ..Sizes::default() };
        self.push(&mut with_metrics, "reduce_metrics", &names, of_partials, settings)?;
        let pass = |commands| Pass { commands, samples: samples.len, counters: vec![COUNTER] };
        Ok((pass(commands), pass(with_metrics)))
    }
}

impl super::PlanSizes {
    /// Parses `fused_step`, where the plan has it, so that `shaders` have it at hand: it is the longest one.
    ///
    /// # Errors
    /// As [`Shaders::get`].
    pub fn parse_ahead(&self, shaders: &Shaders) -> Result<(), ShaderError> {
        if self.kind == PlanKind::Fused {
            self.shader(shaders, "fused_step", &self.fused())?;
        }
        Ok(())
    }

    /// Sizes of `fused_step`: units without padding.
    pub(super) fn fused(&self) -> Sizes {
        let m = self.lengths.train;
        let (k, n, classes) = (self.layout.layers[0].k, self.shape.hidden()[0], self.shape.classes());
        let sizes = Sizes { m, k, n, classes, ..Sizes::default() };
        self.variants.fused_step.map_or(sizes, |variant| {
            variant.at(Sizes { splits: variant.splits(m, self.variants.workgroups), ..sizes })
        })
    }
}
