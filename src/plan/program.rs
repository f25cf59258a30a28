//! A plan compiled for a device: the commands of each pass, made once and submitted any number of times.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use rayon::prelude::*;

use super::{Buffers, Op, PassId, Plan, PlanError, Step};
use crate::{
    gpu::{Command, Device, Dispatch, Kernel, Needs, Shader, ShaderError},
    kernels::{Interfaces, Shaders, Sizes, entry, optimizer_kernel},
    recipe::{BETAS, Optimizer},
};

/// The commands of a plan.
pub struct Program {
    passes: BTreeMap<PassId, Vec<Command>>,
    /// Decay of the optimizer's moments, as its shader has them.
    pub betas: [f64; 2],
}

impl Program {
    /// Compiles the kernels of `plan` and binds them to its `buffers`. The driver is ready for the
    /// iterations then. Kernels that were compiled before, for this device, are taken as they are.
    ///
    /// # Errors
    /// [`PlanError::OtherBuffers`] if `buffers` were allocated for another plan; [`PlanError::Shader`] if a
    /// kernel does not fit; [`PlanError::Device`] if the device is lost.
    pub fn compile(
        device: &Device,
        plan: &Plan,
        shaders: &Shaders,
        buffers: &Buffers,
    ) -> Result<Self, PlanError> {
        buffers.check(plan)?;
        let betas = betas(plan.optimizer, shaders)?;
        plan.compile_kernels(device, shaders)?;
        // Passes share most of their steps.
        let mut bound = HashMap::new();
        let mut passes = BTreeMap::new();
        for (&id, ops) in &plan.passes {
            let mut commands = Vec::with_capacity(ops.len());
            for op in ops {
                commands.push(match op {
                    Op::Clear(view) => Command::Clear(buffers.slice(*view)),
                    Op::Run(step) => {
                        let key = format!("{step:?}");
                        if !bound.contains_key(&key) {
                            bound.insert(key.clone(), dispatch(device, step, shaders, buffers)?);
                        }
                        Command::Dispatch(bound[&key].clone())
                    }
                });
            }
            passes.insert(id, commands);
        }
        let program = Program { passes, betas };
        // Some drivers compile at the first dispatch, which would count to the first iteration's time, and
        // could not be interrupted there.
        device.make_ready(program.passes.values().flatten())?;
        Ok(program)
    }

    /// The commands of a pass; none if the plan does not have it.
    pub fn pass(&self, id: PassId) -> &[Command] {
        self.passes.get(&id).map_or(&[], Vec::as_slice)
    }
}

impl Plan {
    /// The place of the step that changes the parameters, if the pass has one: before it nothing has happened
    /// to them.
    pub fn update(&self, pass: PassId) -> Option<usize> {
        let kernels = ["reduce_update", optimizer_kernel(self.optimizer)];
        let updates = |op: &Op| op.step().is_some_and(|step| kernels.contains(&step.kernel));
        self.passes.get(&pass)?.iter().position(updates)
    }

    /// Compiles every kernel of the plan, side by side; the device keeps them.
    ///
    /// # Errors
    /// [`ShaderError`] if a kernel is not valid or is refused.
    pub fn compile_kernels(&self, device: &Device, shaders: &Shaders) -> Result<(), ShaderError> {
        let mut seen = std::collections::HashSet::new();
        let mut steps: Vec<_> = self
            .steps()
            .filter(|step| seen.insert(format!("{} {:?}", step.source, step.overrides)))
            .collect();
        // The largest one takes as long as all others together: it goes first.
        let text_len =
            |step: &&Step| shaders.get(step.source, &step.sizes).map_or(0, |shader| shader.text.len());
        steps.sort_by_cached_key(|step| std::cmp::Reverse(text_len(step)));
        let compiled: Vec<_> = steps.par_iter().map(|step| kernel(device, step, shaders)).collect();
        compiled.into_iter().try_for_each(|kernel| kernel.map(drop))
    }

    /// What an adapter must offer.
    ///
    /// # Errors
    /// [`ShaderError`] if a shader's workgroup size depends on an override that the host does not know.
    pub fn needs(&self, shaders: &Shaders) -> Result<Needs, ShaderError> {
        let mut needs =
            Needs { binding: self.largest_binding(), buffer: self.largest_buffer(), ..Needs::default() };
        let mut seen = std::collections::BTreeSet::new();
        for step in self.steps().filter(|step| seen.insert(step.source)) {
            let shader = shaders.get(step.source, &step.sizes)?;
            needs.f16 |= shader.uses_f16;
            needs.kernel(&shader.interface, shader.workgroup(&overrides(step))?);
        }
        Ok(needs)
    }
}

pub(super) fn overrides(step: &Step) -> Vec<(String, f64)> {
    step.overrides.iter().map(|(&name, &value)| (name.to_owned(), value)).collect()
}

fn kernel(device: &Device, step: &Step, shaders: &Shaders) -> Result<(Arc<Shader>, Kernel), ShaderError> {
    let shader = shaders.get(step.source, &step.sizes)?;
    let kernel = device.kernel(step.kernel, &shader, &overrides(step))?;
    Ok((shader, kernel))
}

fn dispatch(
    device: &Device,
    step: &Step,
    shaders: &Shaders,
    buffers: &Buffers,
) -> Result<Dispatch, ShaderError> {
    let (shader, kernel) = kernel(device, step, shaders)?;
    let invocations = (entry(step.kernel).invocations)(&step.sizes, &shader.interface)?;
    kernel.dispatch(device, invocations as u64, |binding| {
        let view = step.bind.get(binding.name.as_str()).ok_or_else(|| ShaderError::Interface {
            path: shader.interface.path.clone(),
            message: format!("`{}` is not bound in this plan", binding.name),
        })?;
        Ok(buffers.resource(*view))
    })
}

/// The decay of the moments, from the optimizer's shader: an edited one may have others.
fn betas(optimizer: Optimizer, shaders: &Shaders) -> Result<[f64; 2], ShaderError> {
    if !optimizer.counts_steps() {
        return Ok(BETAS);
    }
    let file = shaders.interface(optimizer_kernel(optimizer), &Sizes::default())?;
    let beta = |name: &str| match file.number(name) {
        Some(beta) if (0.0..1.0).contains(&beta) => Ok(beta),
        _ => Err(ShaderError::Interface {
            path: file.path.clone(),
            message: format!(
                "expected `const {name} = 0.9;`, a number from 0 to below 1 (the host corrects the moments by it)"
            ),
        }),
    };
    Ok([beta("BETA1")?, beta("BETA2")?])
}
