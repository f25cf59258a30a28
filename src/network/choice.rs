//! Which plan computes a network, and which variant of each kernel: a fixed rule from the adapter
//! and the network, never a timing, so that the same seed gives the same bits.

use super::{Layout, Products, Shape};
use crate::{
    Error, Result,
    gpu::Adapter,
    kernels::{Shaders, Sizes, fused},
};

/// How an iteration is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanKind {
    /// Two kernels, which read the pixels once: one narrow hidden layer.
    Fused,
    /// One kernel for each formula: any network.
    Layerwise,
}

/// What decides the variants of the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Variants {
    /// The lanes of every subgroup, on a software driver where all have as many.
    pub lanes: Option<usize>,
    /// How products of matrices are computed.
    pub products: Products,
}

/// The file of `fused_step` for small subgroups.
const SMALL_SUBGROUPS: &str = "fused_step.small_subgroups";
/// The largest subgroup that counts as a small one.
const MOST_LANES: u32 = 16;
/// What the fused plan trains with, beside `fused_step`.
const OF_FUSED: [&str; 3] = ["reduce_update", "reduce_metrics", "common"];

impl Variants {
    /// The variants for an adapter.
    pub fn of(adapter: &Adapter) -> Self {
        let lanes = match adapter.subgroups() {
            Some((least, most)) if least == most && (4..=MOST_LANES).contains(&most) => Some(most as usize),
            _ => None,
        };
        Variants { lanes: lanes.filter(|_| adapter.is_software()), products: Products::of(adapter) }
    }

    /// Whether an adapter of this kind can run a file.
    pub fn runs(&self, file: &str) -> bool {
        match file.starts_with("fused_step") {
            true => self.lanes.is_some(),
            false => self.products.runs(file),
        }
    }

    /// The file of a kernel at some sizes.
    pub fn file(&self, kernel: &'static str, sizes: &Sizes) -> &'static str {
        match kernel {
            "fused_step" => SMALL_SUBGROUPS,
            _ => self.products.file(kernel, sizes),
        }
    }
}

impl PlanKind {
    /// The plan that is asked for, or else the fused one where it serves the network and uses every
    /// edited shader.
    ///
    /// # Errors
    /// [`Error::Usage`] where the fused plan is asked for and does not serve the network.
    pub fn choose(
        wanted: Option<Self>,
        shape: &Shape,
        variants: Variants,
        shaders: &Shaders,
    ) -> Result<Self> {
        match (wanted, fused_serves(shape, variants)) {
            (Some(PlanKind::Fused), Err(why)) => {
                Err(Error::Usage(format!("--plan fused {why}: use --plan layerwise, or auto")))
            }
            (None, Ok(())) if PlanKind::Fused.unused(variants, shaders).is_empty() => Ok(PlanKind::Fused),
            (None, _) => Ok(PlanKind::Layerwise),
            (Some(wanted), _) => Ok(wanted),
        }
    }

    /// The edited shaders that the plan does not train with.
    pub fn unused(self, variants: Variants, shaders: &Shaders) -> Vec<&'static str> {
        let fused_step = variants.file("fused_step", &Sizes::default());
        let used = |name: &str| match self {
            PlanKind::Fused => name == fused_step || OF_FUSED.contains(&name),
            PlanKind::Layerwise => {
                name != "reduce_update" && !name.starts_with("fused_step") && variants.products.uses(name)
            }
        };
        shaders.edited.iter().copied().filter(|name| !used(name)).collect()
    }

    /// fused or layerwise
    pub fn name(self) -> &'static str {
        match self {
            PlanKind::Fused => "fused",
            PlanKind::Layerwise => "layerwise",
        }
    }
}

/// Whether the fused plan serves a network, or why it does not.
fn fused_serves(shape: &Shape, variants: Variants) -> Result<(), String> {
    let Some(lanes) = variants.lanes else {
        return Err("needs subgroups of one size from 4 to 16 lanes, which this adapter has not".into());
    };
    let pixels = Layout::new(shape).layers[0].k;
    let most = fused::most_hidden(pixels, shape.classes(), lanes);
    match shape.hidden() {
        [hidden] if *hidden <= most => Ok(()),
        _ => Err(format!(
            "serves one hidden layer of at most {most} units ({pixels} pixels, {} classes, subgroups of {lanes} lanes), and this network is {shape}",
            shape.classes()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_follows_from_network_and_adapter() {
        let shaders = Shaders::load(None).unwrap();
        let small = Variants { lanes: Some(8), ..Variants::default() };
        let chosen = |wanted, hidden: &[usize], variants| {
            PlanKind::choose(wanted, &Shape::new(784, hidden, 10).unwrap(), variants, &shaders)
        };
        assert_eq!(chosen(None, &[10], small).unwrap(), PlanKind::Fused);
        assert_eq!(chosen(None, &[128], small).unwrap(), PlanKind::Layerwise);
        assert_eq!(chosen(None, &[10, 10], small).unwrap(), PlanKind::Layerwise);
        assert_eq!(chosen(None, &[10], Variants::default()).unwrap(), PlanKind::Layerwise);
        assert_eq!(chosen(Some(PlanKind::Layerwise), &[10], small).unwrap(), PlanKind::Layerwise);
        for (hidden, told) in [(&[128][..], "784-128-10"), (&[10, 10], "784-10-10-10")] {
            let error = chosen(Some(PlanKind::Fused), hidden, small).unwrap_err();
            assert_eq!(error.exit_status(), 2);
            assert!(error.to_string().contains(told), "{error}");
        }
    }

    #[test]
    fn the_sizes_of_the_fused_kernel_are_the_layout() {
        for (inputs, hidden, classes) in [(784, 10, 10), (49, 3, 7), (1, 1, 1), (256, 16, 30)] {
            let layout = Layout::new(&Shape::new(inputs, &[hidden], classes).unwrap());
            let sizes = crate::kernels::Sizes {
                k: layout.layers[0].k,
                n: hidden,
                classes,
                lanes: 8,
                ..Default::default()
            };
            let constant = |name| {
                let found = fused::constants(&sizes).into_iter().find(|(constant, _)| *constant == name);
                4 * found.unwrap().1 as usize
            };
            assert_eq!(constant("B1"), layout.layers[0].bias);
            assert_eq!(constant("W2"), layout.layers[1].weight);
            assert_eq!(constant("B2"), layout.layers[1].bias);
            assert_eq!(constant("LEN"), layout.len);
            assert_eq!(constant("HIDDEN_PADDED") / 4, layout.layers[1].k);
        }
    }
}
