//! Which plan computes a network, and which variant of each kernel: a fixed rule from adapter, network,
//! images and edited shaders, never a timing, so that the same seed gives the same bits.

use super::{Layout, Products, Shape};
use crate::{
    Error, Result,
    gpu::Adapter,
    kernels::{Shaders, Sizes, fused::FusedStep},
    recipe::{Activation, Optimizer, Recipe},
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variants {
    /// The variant of `fused_step`, where one runs well.
    pub fused_step: Option<FusedStep>,
    /// Workgroups that fill the device.
    pub workgroups: usize,
    /// Bytes of the largest slice that a kernel may see.
    pub max_binding: u64,
    /// Bytes of activations that a chunk of rows may take.
    pub activation_bytes: usize,
    /// How products of matrices are computed.
    pub products: Products,
}

/// The smallest subgroup whose lanes hold enough: of 4, each has so many weights that drivers take ten
/// seconds and more to compile.
const LEAST_LANES: u32 = 8;
/// The largest subgroup that counts as a small one.
const MOST_LANES: u32 = 16;
/// Workgroups for a discrete GPU, whose cores no driver tells: two for each of 128 cores, which run them all at
/// once for the default network, as 132 nearly fill. Other numbers of cores take them in rounds.
const DISCRETE: usize = 256;
/// Workgroups for any other GPU, which has 8 to 40 cores.
const INTEGRATED: usize = 64;

/// Bytes of activations that pass at once on software drivers. (Fewer, that stay in a cache, are no faster.)
const SOFTWARE_ACTIVATIONS: usize = 64 << 20;
/// The same on GPUs, whose many cores want more rows for each dispatch.
const GPU_ACTIVATIONS: usize = 256 << 20;

impl Default for Variants {
    /// Those that run everywhere, by what WebGPU guarantees.
    fn default() -> Self {
        Variants {
            fused_step: None,
            workgroups: INTEGRATED,
            max_binding: 128 << 20,
            activation_bytes: SOFTWARE_ACTIVATIONS,
            products: Products::Plain,
        }
    }
}

impl Variants {
    /// The variants for an adapter.
    pub fn of(adapter: &Adapter) -> Self {
        let discrete = adapter.kind() == "discrete";
        let fused_step = match small_subgroups(adapter) {
            None if adapter.is_software() || !adapter.has_default_workgroups() => None,
            None => Some(FusedStep::for_subgroups(adapter.subgroups().map(|(least, _)| least), discrete)),
            small => small,
        };
        let workgroups = if discrete { DISCRETE } else { INTEGRATED };
        Variants {
            fused_step,
            workgroups,
            max_binding: adapter.max_binding(),
            activation_bytes: if adapter.is_software() { SOFTWARE_ACTIVATIONS } else { GPU_ACTIVATIONS },
            products: Products::of(adapter),
        }
    }

    /// All that an adapter can run, whether they run well or not: for tests and benches/compile.rs. With the
    /// same files for other numbers of lanes and words.
    pub fn every(adapter: &Adapter) -> Vec<Self> {
        let least = adapter.subgroups().map_or(0, |(least, _)| least as usize);
        let shares = [(4, 1), (8, 1), (8, 2), (16, 1), (16, 2)].into_iter();
        let of_subgroups = shares
            .filter(|&(lanes, _)| lanes <= least)
            .map(|(lanes, words)| FusedStep::Subgroups { lanes, words });
        let all = small_subgroups(adapter).into_iter().chain(of_subgroups).chain([FusedStep::Workgroup]);
        all.map(|variant| Variants { fused_step: Some(variant), ..Variants::of(adapter) }).collect()
    }

    /// Whether an adapter of this kind can run a file, with these variants.
    pub fn runs(&self, file: &str) -> bool {
        match file.starts_with("fused_step") {
            true => self.fused_step.is_some_and(|variant| variant.file() == file),
            false => self.products.runs(file),
        }
    }

    /// The file of a kernel at some sizes.
    pub fn file(&self, kernel: &'static str, sizes: &Sizes) -> &'static str {
        match (kernel, self.fused_step) {
            ("fused_step", Some(variant)) => variant.file(),
            _ => self.products.file(kernel, sizes),
        }
    }
}

/// The variant for software drivers whose subgroups all have the same few lanes.
fn small_subgroups(adapter: &Adapter) -> Option<FusedStep> {
    let (least, most) = adapter.subgroups().filter(|_| adapter.is_software())?;
    let small = least == most && (LEAST_LANES..=MOST_LANES).contains(&most);
    small.then_some(FusedStep::SmallSubgroups(most as usize))
}

impl PlanKind {
    /// The plan that is asked for, or else the fused one where it serves the network and this many training
    /// images, and uses every edited shader.
    ///
    /// # Errors
    /// [`Error::Usage`] where the fused plan is asked for and does not serve the network.
    pub fn choose(
        wanted: Option<Self>,
        shape: &Shape,
        images: usize,
        recipe: &Recipe,
        variants: Variants,
        shaders: &Shaders,
    ) -> Result<Self> {
        match (wanted, fused_serves(shape, images, recipe, variants)) {
            (Some(PlanKind::Fused), Err(why)) => {
                Err(Error::Usage(format!("--plan fused {why}: use --plan layerwise, or auto")))
            }
            (None, Ok(())) if !PlanKind::Fused.leaves_out(recipe, variants, shaders) => Ok(PlanKind::Fused),
            (None, _) => Ok(PlanKind::Layerwise),
            (Some(wanted), _) => Ok(wanted),
        }
    }

    /// Whether the plan runs a kernel: to train, or to evaluate.
    pub fn runs(self, kernel: &str, recipe: &Recipe) -> bool {
        self.trains_with(recipe).contains(&kernel) || forward(recipe).contains(&kernel)
    }

    /// The kernels of an iteration and of its metrics.
    fn trains_with(self, recipe: &Recipe) -> Vec<&'static str> {
        let mut kernels: Vec<_> = recipe.gather().into_iter().collect();
        if recipe.needs_clock() {
            kernels.push("next_step");
        }
        let update = ["reduce_gradient", recipe.optimizer.kernel()];
        match self {
            PlanKind::Fused if recipe.optimizer == Optimizer::Sgd => {
                kernels.extend(["fused_step", "reduce_update", "reduce_metrics"]);
            }
            PlanKind::Fused => {
                kernels.extend(["fused_step", "reduce_metrics"]);
                kernels.extend(update);
            }
            PlanKind::Layerwise => {
                kernels.extend(forward(recipe));
                kernels.extend(["input_gradient", recipe.activation.kernels()[1], "weight_gradient"]);
                kernels.extend(["weight_gradient_pixels", "bias_gradient"]);
                kernels.extend(update);
            }
        }
        kernels
    }

    /// Whether there is an edited shader that only the layerwise plan trains with.
    fn leaves_out(self, recipe: &Recipe, variants: Variants, shaders: &Shaders) -> bool {
        let nobody = PlanKind::Layerwise.unused(recipe, variants, shaders);
        self.unused(recipe, variants, shaders).iter().any(|name| !nobody.contains(name))
    }

    /// The edited shaders that the plan does not train with.
    pub fn unused(self, recipe: &Recipe, variants: Variants, shaders: &Shaders) -> Vec<&'static str> {
        let kernels = self.trains_with(recipe);
        let used = |name: &str| {
            let kernel = name.split('.').next().unwrap_or(name);
            match kernel {
                "common" => true,
                "fused_step" => {
                    self == PlanKind::Fused && name == variants.file("fused_step", &Sizes::default())
                }
                _ => kernels.contains(&kernel) && variants.products.uses(name),
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

/// The kernels that evaluate, in every plan.
fn forward(recipe: &Recipe) -> [&'static str; 6] {
    let [activation, _] = recipe.activation.kernels();
    ["matmul_pixels", "matmul", activation, "softmax_cross_entropy", "count_metrics", "reduce_metrics"]
}

/// Whether the fused plan serves a network, that many images and a recipe, or why it does not.
fn fused_serves(shape: &Shape, images: usize, recipe: &Recipe, variants: Variants) -> Result<(), String> {
    if let Some(batch) = recipe.batch {
        return Err(format!("takes all images at once, and not {batch}"));
    }
    if recipe.activation != Activation::Relu {
        return Err(format!("knows only the activation relu, and not {}", recipe.activation.name()));
    }
    if recipe.smoothing > 0.0 {
        return Err(format!("knows no label smoothing, and {} is asked for", recipe.smoothing));
    }
    let Some(variant) = variants.fused_step else {
        return Err("needs a GPU with workgroups of 256 invocations and 16 KiB, or a software driver with subgroups of one size from 8 to 16 lanes, and this adapter is neither".into());
    };
    let pixels = Layout::new(shape).layers[0].k;
    let kernel = format!("the kernel {} for {} lanes", variant.file(), variant.lanes());
    let most = variant.most_hidden(pixels, shape.classes());
    if !matches!(shape.hidden(), [hidden] if *hidden <= most) {
        return Err(format!(
            "serves one hidden layer of at most {most} units ({pixels} pixels, {} classes, {kernel}), and this network is {shape}",
            shape.classes()
        ));
    }
    match variant.most_images(pixels, variants.max_binding) {
        most if images <= most => Ok(()),
        most => Err(format!(
            "serves at most {most} training images of {} pixels on this adapter ({kernel}), and there are {images}",
            shape.inputs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::fused;

    #[test]
    fn the_plan_follows_from_network_and_adapter() {
        let shaders = Shaders::load(None).unwrap();
        let small = Variants { fused_step: Some(FusedStep::SmallSubgroups(8)), ..Variants::default() };
        let recipe = Recipe::gradient_descent(0.1);
        let chosen = |wanted, hidden: &[usize], variants| {
            PlanKind::choose(
                wanted,
                &Shape::new(784, hidden, 10).unwrap(),
                60_000,
                &recipe,
                variants,
                &shaders,
            )
        };
        assert_eq!(chosen(None, &[10], small).unwrap(), PlanKind::Fused);
        assert_eq!(chosen(None, &[128], small).unwrap(), PlanKind::Layerwise);
        for (variant, most) in [
            (FusedStep::Subgroups { lanes: 16, words: 2 }, 18),
            (FusedStep::Subgroups { lanes: 16, words: 1 }, 18),
            (FusedStep::Subgroups { lanes: 8, words: 1 }, 18),
            (FusedStep::Workgroup, 16),
        ] {
            let gpu = Variants { fused_step: Some(variant), ..Variants::default() };
            assert_eq!(chosen(None, &[10], gpu).unwrap(), PlanKind::Fused);
            assert_eq!(chosen(None, &[most], gpu).unwrap(), PlanKind::Fused);
            assert_eq!(chosen(None, &[most + 1], gpu).unwrap(), PlanKind::Layerwise);
            let error = chosen(Some(PlanKind::Fused), &[most + 1], gpu).unwrap_err().to_string();
            let told = format!("at most {most} units");
            assert!(error.contains(&told) && error.contains(variant.file()), "{error}");
        }
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
    fn more_images_than_a_kernel_can_see_get_the_other_plan() {
        let shaders = Shaders::load(None).unwrap();
        let (shape, recipe) = (Shape::new(784, &[10], 10).unwrap(), Recipe::gradient_descent(0.1));
        for (variant, most) in [
            (FusedStep::SmallSubgroups(8), 8_192 * 128), // rows of a texture, and images of a row
            (FusedStep::Subgroups { lanes: 16, words: 2 }, (128 << 20) / 784),
            (FusedStep::Workgroup, (128 << 20) / 784),
        ] {
            let variants = Variants { fused_step: Some(variant), ..Variants::default() };
            let chosen =
                |wanted, images| PlanKind::choose(wanted, &shape, images, &recipe, variants, &shaders);
            assert_eq!(chosen(None, most).unwrap(), PlanKind::Fused);
            assert_eq!(chosen(None, most + 1).unwrap(), PlanKind::Layerwise);
            let error = chosen(Some(PlanKind::Fused), most + 1).unwrap_err();
            assert!(error.exit_status() == 2 && error.to_string().contains(&most.to_string()), "{error}");
        }
    }

    #[test]
    fn what_the_fused_plan_does_not_know_is_told() {
        let shaders = Shaders::load(None).unwrap();
        let small = Variants { fused_step: Some(FusedStep::SmallSubgroups(8)), ..Variants::default() };
        let shape = Shape::new(784, &[10], 10).unwrap();
        let plain = Recipe::gradient_descent(0.1);
        for (recipe, told) in [
            (Recipe { batch: Some(128), ..plain }, "128"),
            (Recipe { activation: Activation::Gelu, ..plain }, "gelu"),
            (Recipe { smoothing: 0.1, ..plain }, "0.1"),
        ] {
            let chosen = |wanted| PlanKind::choose(wanted, &shape, 1, &recipe, small, &shaders);
            assert_eq!(chosen(None).unwrap(), PlanKind::Layerwise);
            let error = chosen(Some(PlanKind::Fused)).unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("--plan layerwise"), "{error}");
        }
        for optimizer in Optimizer::ALL {
            let recipe = Recipe { optimizer, ..plain };
            let chosen = PlanKind::choose(None, &shape, 1, &recipe, small, &shaders).unwrap();
            assert_eq!(chosen, PlanKind::Fused);
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
            let [hidden_layer, last] = &layout.layers[..] else { panic!("two layers") };
            let places = [hidden_layer.bias, last.weight, last.bias, layout.len];
            assert_eq!(fused::places(&sizes).map(|(_, quads)| 4 * quads), places);
            assert_eq!(hidden.next_multiple_of(4), last.k);
        }
    }
}
