//! Which plan computes a network: a fixed rule from device, network, images and edited shaders, never a
//! timing, so that the same seed gives the same bits.

use std::collections::BTreeSet;

use super::{PassId, Plan, PlanError, PlanKind, PlanRequest, Step, fused::fused, layerwise::layerwise};
use crate::{
    kernels::{Interfaces, entry, fused::FusedStep},
    net::Shape,
    recipe::{Activation, Recipe},
};

/// The plan that is asked for, or else the fused one if it serves the request and trains with every edited
/// shader that the layerwise plan would train with.
///
/// # Errors
/// [`PlanError::NotServed`] if the fused plan is asked for and does not serve the request;
/// [`PlanError::Shader`] as [`layerwise()`].
pub fn choose(
    wanted: Option<PlanKind>,
    request: &PlanRequest,
    files: &dyn Interfaces,
) -> Result<Plan, PlanError> {
    match (wanted, fused_variant(request)) {
        (Some(PlanKind::Fused), Err(why)) => Err(PlanError::NotServed(why)),
        (Some(PlanKind::Fused), Ok(variant)) => Ok(fused(request, variant, files)?),
        (Some(PlanKind::Layerwise), _) | (None, Err(_)) => Ok(layerwise(request, files)?),
        (None, Ok(variant)) if files.edited_files().is_empty() => Ok(fused(request, variant, files)?),
        (None, Ok(variant)) => {
            let (fused, layerwise) = (fused(request, variant, files)?, layerwise(request, files)?);
            let left_out: BTreeSet<_> = fused.not_trained_with(files).into_iter().collect();
            let by_both: BTreeSet<_> = layerwise.not_trained_with(files).into_iter().collect();
            Ok(if left_out.is_subset(&by_both) { fused } else { layerwise })
        }
    }
}

impl Plan {
    /// The edited files that no iteration of this plan runs.
    pub fn not_trained_with(&self, files: &dyn Interfaces) -> Vec<&'static str> {
        files.edited_outside(&self.sources(PassId::trains))
    }

    /// The edited files that nothing in this plan runs.
    pub fn idle(&self, files: &dyn Interfaces) -> Vec<&'static str> {
        files.edited_outside(&self.sources(|pass| pass != PassId::Predict))
    }

    /// The edited files that this plan only evaluates with: they change a loss, and no weights.
    pub fn only_evaluates_with(&self, files: &dyn Interfaces) -> Vec<&'static str> {
        let idle = self.idle(files);
        self.not_trained_with(files).into_iter().filter(|file| !idle.contains(file)).collect()
    }
}

impl Plan {
    /// The edited files that run in the place of a variant that suits a device better, each with that one.
    pub fn displaced(&self, request: &PlanRequest) -> BTreeSet<(&'static str, &'static str)> {
        let PlanRequest { profile, forced, .. } = request;
        let pair = |step: &Step| (step.source, entry(step.kernel).source(profile, &step.sizes).name);
        let differ = |(runs, suits): &(&str, &str)| runs != suits && !forced.contains(runs);
        self.steps().map(pair).filter(differ).collect()
    }
}

/// Finds out without an adapter, as far as that goes, whether the fused plan serves a training.
///
/// # Errors
/// [`PlanError::NotServed`] if it does not on any adapter.
pub fn check_fused(recipe: &Recipe, shape: &Shape) -> Result<(), PlanError> {
    whatever_the_adapter(recipe, shape).map_err(PlanError::NotServed)
}

fn whatever_the_adapter(recipe: &Recipe, shape: &Shape) -> Result<(), String> {
    if let Some(batch) = recipe.batch {
        return Err(format!("takes all images at once, and not {batch}"));
    }
    if recipe.activation != Activation::Relu {
        return Err(format!("knows only the activation relu, and not {}", recipe.activation.name()));
    }
    if recipe.smoothing > 0.0 {
        return Err(format!("knows no label smoothing, and {} is asked for", recipe.smoothing));
    }
    match shape.hidden().len() {
        1 => Ok(()),
        layers => Err(format!("serves one hidden layer, and this network is {shape}, which has {layers}")),
    }
}

/// The variant of `fused_step` that serves a request, or why none does.
fn fused_variant(request: &PlanRequest) -> Result<FusedStep, String> {
    let PlanRequest { recipe, shape, profile, .. } = request;
    whatever_the_adapter(recipe, shape)?;
    let Some(variant) = profile.fused_step else {
        return Err("needs a GPU with workgroups of 256 invocations and 16 KiB, or a software driver with subgroups of one size from 8 to 16 lanes, and this adapter is neither".into());
    };
    let (pixels, images) = (request.inputs(), request.lengths.train);
    let kernel = format!("the kernel {} for {} lanes", variant.file(), variant.lanes());
    let most = variant.max_hidden(pixels, shape.classes());
    if !matches!(shape.hidden(), [hidden] if *hidden <= most) {
        // One hidden layer is known by now.
        let with_this_layer = match variant.max_classes(pixels, shape.hidden()[0]) {
            0 => String::new(),
            classes => format!("; with this layer at most {classes} classes"),
        };
        let units = match most {
            0 => "no hidden layer".into(),
            _ => format!("one hidden layer of at most {most} units"),
        };
        return Err(format!(
            "serves {units} for {pixels} pixels and {} classes{with_this_layer} ({kernel}), and this network is {shape}",
            shape.classes()
        ));
    }
    match variant.max_images(pixels, profile.max_binding) {
        most if images <= most => Ok(variant),
        most => Err(format!(
            "serves at most {most} training images of {} pixels on this adapter ({kernel}), and there are {images}",
            shape.inputs()
        )),
    }
}
