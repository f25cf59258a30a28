//! The fused plan: a network with one narrow hidden layer in two dispatches an iteration.
//!
//! `fused_step` takes every image from its pixels to the gradients of all parameters, and so reads
//! the pixels once; `reduce_update` adds up what its workgroups leave, and moves the parameters.

use super::{
    PlanKind,
    builder::{Builder, Compiler, Rows, SampleBuffers},
};
use crate::{
    Result,
    gpu::{Command, Element, Kernel},
    kernels::Sizes,
};

/// The only counter of the iteration itself, behind those of the metrics.
pub(super) const COUNTER: usize = 2;

/// Compiles `fused_step`, where the plan has it, by the key that the builder finds it by.
pub(super) fn compile_ahead(compiler: &Compiler) -> Result<Option<(String, Kernel)>> {
    if compiler.sizes.kind == PlanKind::Layerwise {
        return Ok(None);
    }
    let sizes = compiler.sizes.fused();
    let shader = compiler.shader("fused_step", &sizes)?;
    let kernel = compiler.kernel("fused_step", &sizes, COUNTER)?;
    Ok(Some((compiler.key(&shader, &sizes, COUNTER), kernel)))
}

impl Builder<'_> {
    /// The iteration, and what makes its metrics.
    pub(super) fn fused_iteration(
        &mut self,
        samples: &SampleBuffers,
    ) -> Result<(Vec<Command>, Vec<Command>)> {
        let sizes = self.sizes.fused();
        let len = self.sizes.layout.len;
        let partials = self.device.zeros("partials", Element::F32, sizes.splits * len)?;
        let mut names = self.names(samples, Rows { start: 0, len: samples.len }, 0);
        names.insert("partials", partials.all());
        let partials = |name, element| self.device.zeros(name, element, sizes.splits);
        names.insert("loss_partials", partials("loss_partials", Element::F32)?.all());
        names.insert("hit_partials", partials("hit_partials", Element::U32)?.all());

        let (mut iteration, mut metrics) = (Vec::new(), Vec::new());
        self.push_counting(&mut iteration, "fused_step", &names, sizes, COUNTER)?;
        let update = Sizes { m: samples.len, n: len, splits: sizes.splits, ..Sizes::default() };
        self.push(&mut iteration, "reduce_update", &names, update)?;
        let of_partials = Sizes { m: sizes.splits, ..Sizes::default() };
        self.push(&mut metrics, "reduce_metrics", &names, of_partials)?;
        Ok((iteration, metrics))
    }
}

impl super::PlanSizes {
    /// Sizes of `fused_step`: units without padding.
    pub(super) fn fused(&self) -> Sizes {
        let (lanes, splits) = match self.variants.fused_step {
            Some(variant) => (variant.lanes(), variant.splits(self.train, self.variants.workgroups)),
            None => (0, 0),
        };
        Sizes {
            m: self.train,
            k: self.layout.layers[0].k,
            n: self.shape.hidden()[0],
            splits,
            classes: self.shape.classes(),
            lanes,
        }
    }
}
