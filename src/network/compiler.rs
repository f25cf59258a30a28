//! From a kernel's name and sizes to its pipeline.

use std::sync::Arc;

use super::PlanSizes;
use crate::{
    data::Dataset,
    gpu::{Device, Kernel, Shader, ShaderError},
    kernels::{Settings, Shaders, Sizes},
};

/// What compiles a plan's kernels.
#[derive(Clone, Copy)]
pub(super) struct Compiler<'a> {
    pub(super) device: &'a Device,
    pub(super) shaders: &'a Shaders,
    pub(super) sizes: &'a PlanSizes,
    /// Rows and columns of a picture.
    pub(super) picture: (usize, usize),
}

impl<'a> Compiler<'a> {
    pub(super) fn new(
        device: &'a Device,
        shaders: &'a Shaders,
        sizes: &'a PlanSizes,
        data: &Dataset,
    ) -> Self {
        Compiler { device, shaders, sizes, picture: (data.rows, data.cols) }
    }

    /// What overrides of a kernel get beside the sizes of its dispatch.
    pub(super) fn settings(&self, counter: usize) -> Settings {
        let recipe = &self.sizes.recipe;
        Settings {
            counter,
            add: self.sizes.has_several_chunks(),
            batch: self.sizes.rows(),
            rows: self.picture.0,
            cols: self.picture.1,
            smoothing: recipe.smoothing,
            weight_decay: recipe.weight_decay,
            units: 0,
        }
    }

    pub(super) fn shader(&self, name: &'static str, sizes: &Sizes) -> Result<Arc<Shader>, ShaderError> {
        self.sizes.shader(self.shaders, name, sizes)
    }

    /// What a compiled kernel is found by.
    pub(super) fn key(&self, shader: &Shader, sizes: &Sizes, settings: &Settings) -> String {
        format!("{} {:?}", shader.path, sizes.overrides(shader, settings))
    }

    /// Compiles a kernel for some sizes.
    pub(super) fn kernel(
        &self,
        name: &'static str,
        sizes: &Sizes,
        settings: &Settings,
    ) -> Result<Kernel, ShaderError> {
        let shader = self.shader(name, sizes)?;
        Kernel::new(self.device, name, &shader, &sizes.overrides(&shader, settings))
    }
}
