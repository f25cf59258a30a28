//! From a kernel's name, its sizes and the names at its place to a step.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Counter, Op, PlanRequest, Step, View,
    memory::{Memory, Names, SampleViews},
    request::Rows,
};
use crate::{
    data::Split,
    gpu::{Binding, Interface, ShaderError},
    kernels::{Interfaces, Overrides, Sizes, Source, entry},
};

/// Makes the steps of one plan.
pub(super) struct Steps<'a> {
    pub request: &'a PlanRequest,
    pub files: &'a dyn Interfaces,
    pub memory: &'a Memory,
    pub counters: Vec<Counter>,
}

/// Where a step is: what it may bind, the layer that it computes, and the set whose metrics it sums.
pub(super) struct Place<'a> {
    pub names: &'a Names,
    pub layer: Option<usize>,
    pub split: Option<Split>,
}

impl<'a> Place<'a> {
    /// A step for no layer and no set.
    pub fn of(names: &'a Names) -> Self {
        Place { names, layer: None, split: None }
    }

    /// A step of a layer.
    pub fn layer(names: &'a Names, layer: usize) -> Self {
        Place { names, layer: Some(layer), split: None }
    }
}

impl<'a> Steps<'a> {
    pub fn new(request: &'a PlanRequest, files: &'a dyn Interfaces, memory: &'a Memory) -> Self {
        Steps { request, files, memory, counters: Vec::new() }
    }

    /// The names for some rows of a set and a layer.
    pub fn names(&self, samples: &SampleViews, rows: Rows, layer: usize) -> Names {
        self.memory.names(self.request, samples, rows, layer)
    }

    /// What the overrides get beside the sizes.
    pub fn overrides(&self) -> Overrides {
        let PlanRequest { recipe, picture, .. } = self.request;
        Overrides {
            accumulate: self.request.has_several_chunks(),
            batch: self.request.rows(),
            picture_rows: picture.0,
            picture_cols: picture.1,
            smoothing: recipe.smoothing,
            weight_decay: recipe.weight_decay,
            ..Overrides::default()
        }
    }

    /// A dispatch of a kernel.
    pub fn run(&self, kernel: &'static str, place: Place, sizes: Sizes) -> Result<Op, ShaderError> {
        self.step(kernel, place, sizes, None).map(Op::Run)
    }

    /// A dispatch of a kernel that sums over the samples of `sizes`, and so counts them.
    pub fn run_counting(
        &mut self,
        kernel: &'static str,
        place: Place,
        sizes: Sizes,
    ) -> Result<Op, ShaderError> {
        let counter = Counter { kernel, layer: place.layer, split: place.split };
        let known = self.counters.iter().position(|known| *known == counter);
        let number = known.unwrap_or_else(|| {
            self.counters.push(counter);
            self.counters.len() - 1
        });
        self.step(kernel, place, sizes, Some(number)).map(Op::Run)
    }

    fn step(
        &self,
        kernel: &'static str,
        place: Place,
        sizes: Sizes,
        counter: Option<usize>,
    ) -> Result<Step, ShaderError> {
        let source = source_of(kernel, &sizes, self.request, self.files);
        let interface = self.files.interface(source, &sizes)?;
        let units = place.layer.and_then(|layer| self.request.shape.layers().nth(layer));
        let overrides = Overrides {
            counter: counter.unwrap_or(0),
            units: units.map_or(0, |layer| layer.outputs),
            ..self.overrides()
        };
        Ok(Step {
            kernel,
            source,
            sizes,
            overrides: overrides.values(&sizes, &interface),
            layer: place.layer,
            bind: bind(&interface, place.names)?,
            counter,
        })
    }
}

/// The interface of the file that computes a kernel at some sizes.
pub(super) fn interface_of(
    request: &PlanRequest,
    files: &dyn Interfaces,
    kernel: &'static str,
    sizes: &Sizes,
) -> Result<Arc<Interface>, ShaderError> {
    files.interface(source_of(kernel, sizes, request, files), sizes)
}

/// The view of each variable of a file.
fn bind(interface: &Interface, names: &Names) -> Result<BTreeMap<&'static str, View>, ShaderError> {
    let view = |binding: &Binding| {
        let known = names.get_key_value(binding.name.as_str());
        known.map(|(&name, &view)| (name, view)).ok_or_else(|| ShaderError::Interface {
            path: interface.path.clone(),
            message: format!(
                "no buffer is called `{}`; at this place there are {}",
                binding.name,
                names.keys().copied().collect::<Vec<_>>().join(", ")
            ),
        })
    };
    interface.bindings.iter().map(view).collect()
}

/// The source of a kernel at some sizes: one that is forced, else the last one that suits the device and the sizes,
/// or the first one if that is edited and the other is not.
fn source_of(
    kernel: &'static str,
    sizes: &Sizes,
    request: &PlanRequest,
    files: &dyn Interfaces,
) -> &'static str {
    let (entry, suiting) = (entry(kernel), entry(kernel).source(&request.profile, sizes));
    let can_run = |source: &&Source| (source.runs_on)(&request.profile, sizes).is_some();
    let forced = entry.sources.iter().filter(|source| request.forced.contains(source.name)).rfind(can_run);
    if let Some(forced) = forced {
        return forced.name;
    }
    let first = &entry.sources[0];
    if files.is_edited(first) && !files.is_edited(suiting) { first.name } else { suiting.name }
}
