//! No kernel makes more loop iterations than every driver runs, at the largest sizes that are read and served.

use std::collections::BTreeSet;

use shadegrad::{
    data::{Lengths, MAX_CLASSES},
    gpu::MAX_ITERATIONS,
    kernels::{DeviceProfile, MatmulKind, REGISTRY, Shaders, fused::FusedStep},
    net::{MAX_WIDTH, Shape},
    plan::{MAX_SAMPLES, Plan, PlanRequest, fused, layerwise},
    recipe::{Activation, Optimizer, Recipe},
};

use super::{PLAIN, plain};

/// The largest picture that is read, in pixels.
const MAX_PIXELS: usize = 512 * 512;

const FUSED: [FusedStep; 8] = [
    FusedStep::SmallSubgroups(8),
    FusedStep::SmallSubgroups(16),
    FusedStep::Subgroups { lanes: 4, words: 1 },
    FusedStep::Subgroups { lanes: 8, words: 1 },
    FusedStep::Subgroups { lanes: 8, words: 2 },
    FusedStep::Subgroups { lanes: 16, words: 1 },
    FusedStep::Subgroups { lanes: 16, words: 2 },
    FusedStep::Workgroup,
];

/// Looks at every step of plans, and remembers the texts that they ran.
struct Looked {
    shaders: Shaders,
    seen: BTreeSet<String>,
    sources: BTreeSet<&'static str>,
}

impl Looked {
    fn new() -> Self {
        Looked {
            shaders: Shaders::load(None).expect("the built-in shaders"),
            seen: BTreeSet::new(),
            sources: BTreeSet::new(),
        }
    }

    fn at(&mut self, plan: &Plan, shape: &Shape) {
        for step in plan.steps() {
            // The layers, and the chunks but for the last one, are alike.
            if !self.seen.insert(format!("{} {:?} {:?}", step.source, step.sizes, step.overrides)) {
                continue;
            }
            self.sources.insert(step.source);
            let loops = step.loops(&self.shaders).expect("a built-in shader");
            let loops = loops.unwrap_or_else(|| panic!("{} is too much to look through", step.source));
            let open: Vec<_> = loops.iter().filter(|found| found.is_open || found.is_endless).collect();
            assert!(open.is_empty(), "{} of {shape}, {:?}: no bound of {open:?}", step.source, step.sizes);
            let all: u64 = loops.iter().map(|found| found.iterations).sum();
            assert!(
                all <= MAX_ITERATIONS as u64,
                "{} of {shape}, {:?}: {all} iterations: {loops:?}",
                step.source,
                step.sizes
            );
        }
    }

    fn layerwise(&mut self, shape: &Shape, train: usize, recipe: &Recipe, profile: DeviceProfile) {
        let lengths = Lengths { train, val: train.min(7), test: train };
        let picture = (1, shape.inputs());
        let request = PlanRequest::new(shape, lengths, picture, recipe, profile);
        self.at(&layerwise(&request, &self.shaders).expect("a layerwise plan"), shape);
    }

    /// The most hidden units for these pixels and classes, and the most images of them.
    fn fused(&mut self, variant: FusedStep, pixels: usize, classes: usize, profile: DeviceProfile) {
        let units = variant.max_hidden(pixels.next_multiple_of(16), classes);
        if units == 0 {
            return;
        }
        let shape = Shape::new(pixels, &[units], classes).expect("a shape that is supported");
        let images = variant.max_images(pixels.next_multiple_of(16), profile.max_binding).min(MAX_SAMPLES);
        let lengths = Lengths { train: images, val: 1, test: 1 };
        for recipe in [plain(), Recipe { optimizer: Optimizer::Adam, ..plain() }] {
            let request = PlanRequest::new(&shape, lengths, (1, pixels), &recipe, profile);
            self.at(&fused(&request, variant, &self.shaders).expect("a fused plan"), &shape);
        }
    }
}

/// The widest and deepest networks, the largest pictures, the most samples and classes. More samples of a wide
/// network are more chunks, of the same sizes.
fn extremes() -> Vec<(Shape, usize)> {
    let shape = |inputs, hidden: &[usize], classes| Shape::new(inputs, hidden, classes).expect("a shape");
    vec![
        (shape(1, &[1], 1), MAX_SAMPLES),
        (shape(16, &[64, 64], 10), MAX_SAMPLES),
        (shape(16, &[1_024], MAX_CLASSES), 200_000),
        (shape(MAX_PIXELS, &[4], 3), 4_000),
        (shape(MAX_PIXELS, &[1_000], MAX_CLASSES), 5_000),
        (shape(1, &[MAX_WIDTH, 16_000], 1), 20_000),
        (shape(784, &[MAX_WIDTH], MAX_CLASSES), 20_000),
        (shape(784, &[64; 64], 10), 60_000),
        (shape(784, &[128], 10), 60_000),
        (shape(784, &[1], 10), 1),
    ]
}

#[test]
fn loops_of_the_layerwise_plan_are_short_at_every_size() {
    let mut looked = Looked::new();
    let kinds = [MatmulKind::Plain, MatmulKind::SmallSubgroups, MatmulKind::Tiled];
    for matmul in kinds {
        let profile = DeviceProfile { matmul, activation_bytes: 256 << 20, ..PLAIN };
        for (shape, train) in extremes() {
            for batch in [None, Some(1), Some(MAX_SAMPLES)] {
                let recipe = Recipe { batch, shift: batch.is_some(), ..plain() };
                looked.layerwise(&shape, train, &recipe, profile);
            }
        }
    }
    let (shape, train) = &extremes()[1];
    for optimizer in Optimizer::ALL {
        looked.layerwise(shape, *train, &Recipe { optimizer, batch: Some(9), ..plain() }, PLAIN);
    }
    for activation in Activation::ALL {
        looked.layerwise(shape, *train, &Recipe { activation, smoothing: 0.1, ..plain() }, PLAIN);
    }
    let only_measured = ["copy", "multiply_add"];
    for entry in REGISTRY.iter().filter(|entry| !only_measured.contains(&entry.name)) {
        let is_fused = ["fused_step", "reduce_update"].contains(&entry.name);
        for source in entry.sources.iter().filter(|_| !is_fused) {
            assert!(looked.sources.contains(source.name), "no plan ran {}", source.name);
        }
    }
}

#[test]
fn loops_of_the_fused_plan_are_short_at_every_size() {
    let mut looked = Looked::new();
    for variant in FUSED {
        for workgroups in [1, 256] {
            let max_binding = u64::MAX;
            let profile = DeviceProfile { fused_step: Some(variant), workgroups, max_binding, ..PLAIN };
            for (pixels, classes) in [(1, 1), (784, 10), (8_192, 1), (16, variant.max_classes(16, 1))] {
                looked.fused(variant, pixels, classes, profile);
            }
        }
    }
    let entries = REGISTRY.iter().filter(|entry| ["fused_step", "reduce_update"].contains(&entry.name));
    for source in entries.flat_map(|entry| entry.sources) {
        assert!(looked.sources.contains(source.name), "no plan ran {}", source.name);
    }
}
