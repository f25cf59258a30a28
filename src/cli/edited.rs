//! What a run says of the edited shaders in it.

use std::path::Path;

use super::Error;
use crate::{
    gpu::{Device, DeviceError},
    kernels::{
        CheckError, Checker, Depth, DeviceProfile, Interfaces, REGISTRY, Shaders, SourceCheck, mismatch_text,
    },
    plan::{self, PassId, Plan, PlanKind, PlanRequest},
    report::{note, shaders_in_use, warn},
};

/// Says which shaders a `--shaders` run has.
pub(super) fn announce(folder: Option<&Path>, shaders: &Shaders) {
    if let Some(folder) = folder {
        shaders_in_use(folder, &shaders.edited_files(), shaders.from_folder.len());
    }
}

/// Says if the edited shaders decide the plan, what other devices may refuse of them, and which of them have no part
/// in the training.
///
/// # Errors
/// [`Error::Shader`] if a shader is not valid.
pub(super) fn announce_plan(
    wanted: Option<PlanKind>,
    plan: &Plan,
    request: &PlanRequest,
    shaders: &Shaders,
) -> Result<(), Error> {
    if shaders.edited_files().is_empty() {
        return Ok(());
    }
    if wanted.is_none() {
        let without = plan::choose(None, request, &Shaders::load(None)?)?;
        if without.kind != plan.kind {
            note(&format!("the {} plan is the one that trains with the edited shaders", plan.kind));
        }
    }
    announce_files(plan, request, shaders)?;
    let idle = plan.idle(shaders);
    let only_evaluates = plan.only_evaluates_with(shaders);
    if !idle.is_empty() {
        warn(&format!("nothing in this training runs these edited shaders: {}", idle.join(", ")));
    }
    if !only_evaluates.is_empty() {
        warn(&format!(
            "the {} plan only evaluates with these edited shaders and does not train with them: {}",
            plan.kind,
            only_evaluates.join(", ")
        ));
    }
    Ok(())
}

/// Says which edited files run in the place of variants, and what other devices may refuse of them.
///
/// # Errors
/// [`Error::Shader`] if a shader is not valid.
pub(super) fn announce_files(plan: &Plan, request: &PlanRequest, shaders: &Shaders) -> Result<(), Error> {
    for (edited, variant) in plan.displaced(request) {
        note(&format!("the edited {edited} runs in the place of {variant}, which this device would run"));
    }
    for warning in plan.warnings(shaders)? {
        warn(&warning);
    }
    Ok(())
}

/// What to do about a loss that is wrong: `suspects` are the edited files that change it, and no weights.
pub(super) fn remedy(suspects: &[&str], alpha: f64) -> String {
    let smaller = format!("try a smaller --alpha (now {alpha:?})");
    match suspects {
        [] => smaller,
        _ => format!(
            "edited shaders that only evaluate may be the cause ({}): try without them, or else {smaller}",
            suspects.join(", ")
        ),
    }
}

/// Compares the edited kernels that a plan runs with their twins, at tiny sizes, and says which differ.
///
/// # Errors
/// [`Error::Device`] if the device is lost.
pub(super) fn compare(device: &Device, plan: &Plan, shaders: &Shaders) -> Result<(), Error> {
    let sources = plan.sources(|pass| pass != PassId::Predict);
    let runs =
        |name: &str| sources.iter().any(|source| source.name == name && shaders.is_edited_anywhere(source));
    let checker = Checker::new(device, shaders, vec![DeviceProfile::of(device.adapter())])?;
    for entry in REGISTRY {
        match checker.kernel(entry, Depth::Tiny, |source| runs(source.name)) {
            Ok(checks) => checks.iter().for_each(say),
            // The training itself may have room.
            Err(error @ DeviceError::OutOfMemory { .. }) => {
                warn(&format!("{} could not be compared with its twin: {error}", entry.name));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn say(check: &SourceCheck) {
    let name = check.source.name;
    match (&check.outcome, check.not_checked()) {
        (Err(CheckError::Wrong { buffer, mismatch, .. }), _) => {
            warn(&format!(
                "{name} differs from its twin ({}): training with it",
                mismatch_text(buffer, mismatch)
            ));
        }
        (Err(error), _) => warn(&format!("{name} could not be compared with its twin: {error}")),
        (Ok(_), Some(why)) => warn(&format!("{name} is not compared with its twin: it {why}")),
        (Ok(_), None) => {}
    }
}
