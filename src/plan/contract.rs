//! Whether edited shaders can be dispatched as a plan does, before a device is opened.

use std::collections::BTreeSet;

use super::{Plan, Step, program::overrides};
use crate::{
    gpu::{Adapter, Bound, LoopCount, Needs, ShaderError, check_binding, check_shared, too_long},
    kernels::{Interfaces, Shaders, check_contract, entry},
};

impl Plan {
    /// Compares the edited shaders with what the plan binds and dispatches and with what `adapter` offers, and says
    /// what the adapter must be opened with.
    ///
    /// # Errors
    /// [`ShaderError`] with the first difference, and both sides of it.
    pub fn check(&self, adapter: &Adapter, shaders: &Shaders) -> Result<Needs, ShaderError> {
        if shaders.edited_files().is_empty() {
            return self.needs(shaders);
        }
        let ours = Shaders::load(None)?;
        for step in self.distinct_steps() {
            let shader = shaders.get(step.source, &step.sizes)?;
            if !shader.edited {
                continue;
            }
            let values = overrides(step);
            let own = ours.get(step.source, &step.sizes)?;
            self.check_bindings(step, &shader.interface)?;
            let bytes = |name: &str| step.bind.get(name).map(|view| view.len as u64 * 4);
            check_contract(entry(step.kernel), &step.sizes, &values, (&shader, &own), adapter, bytes)?;
        }
        self.needs(shaders)
    }

    /// What other devices may refuse of the edited shaders.
    ///
    /// # Errors
    /// [`ShaderError`] if a shader is not valid with its sizes.
    pub fn warnings(&self, shaders: &Shaders) -> Result<BTreeSet<String>, ShaderError> {
        let mut warnings = BTreeSet::new();
        for step in self.distinct_steps() {
            let shader = shaders.get(step.source, &step.sizes)?;
            if shader.edited {
                warnings.extend(shader.beyond_webgpu(shader.workgroup(&overrides(step))?));
                warnings.extend(step.loops(shaders)?.and_then(|loops| too_long(&loops)));
            }
        }
        Ok(warnings)
    }

    fn distinct_steps(&self) -> impl Iterator<Item = &Step> {
        let mut seen = BTreeSet::new();
        self.steps().filter(move |step| seen.insert(format!("{step:?}")))
    }

    fn check_bindings(&self, step: &Step, interface: &crate::gpu::Interface) -> Result<(), ShaderError> {
        for binding in &interface.bindings {
            // A name that the plan does not know is an error where the plan is made.
            let Some(view) = step.bind.get(binding.name.as_str()) else { continue };
            let spec = &self.buffers[view.buffer.0];
            let bound = Bound {
                element: spec.element,
                bytes: view.len as u64 * 4,
                texture: spec.texture_row.is_some(),
            };
            check_binding(binding, bound)?;
        }
        let buffer = |name: &str| step.bind.get(name).map(|view| view.buffer);
        check_shared(&interface.bindings, |one, other| buffer(one).is_some() && buffer(one) == buffer(other))
    }
}

impl Step {
    /// The loops of an invocation; `None` if the shader is too much to look through.
    ///
    /// # Errors
    /// [`ShaderError`] if the shader is not valid with the step's sizes.
    pub fn loops(&self, shaders: &Shaders) -> Result<Option<Vec<LoopCount>>, ShaderError> {
        let shader = shaders.get(self.source, &self.sizes)?;
        let invocations = (entry(self.kernel).invocations)(&self.sizes, &shader.interface)?;
        let bytes = |name: &str| self.bind.get(name).map(|view| view.len as u64 * 4);
        shader.loops(&overrides(self), invocations as u64, bytes)
    }
}
