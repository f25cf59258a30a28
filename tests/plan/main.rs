//! The plan as data: what it holds, what follows from it, and that it can be compiled again.

#[path = "../common/data.rs"]
mod common;
mod compiled;
#[path = "../common/device.rs"]
mod device;
#[path = "../common/gpu.rs"]
mod gpu;
mod loops;

use shadegrad::{
    data::Lengths,
    kernels::{DeviceProfile, Interfaces, Shaders, fused::FusedStep},
    net::{ALIGN, Layout, Shape},
    plan::{MAX_SAMPLES, Op, PassId, Plan, PlanKind, PlanRequest, Start, fused, layerwise},
    recipe::{Activation, LearningRate, Optimizer, Recipe},
};

/// Half of what WebGPU guarantees a binding: what the pixels of a chunk may take.
const PIXEL_BYTES: usize = 64 << 20;
const SMALL: DeviceProfile = profile(Some(FusedStep::SmallSubgroups(8)));
const PLAIN: DeviceProfile = profile(None);

/// The profile of WebGPU's defaults, with a fused kernel or without.
const fn profile(fused_step: Option<FusedStep>) -> DeviceProfile {
    DeviceProfile {
        fused_step,
        workgroups: 64,
        max_binding: 128 << 20,
        activation_bytes: 64 << 20,
        matmul: shadegrad::kernels::MatmulKind::Plain,
    }
}

fn shaders() -> Shaders {
    Shaders::load(None).expect("the built-in shaders")
}

fn plain() -> Recipe {
    Recipe::gradient_descent(0.1)
}

fn lengths(train: usize) -> Lengths {
    Lengths { train, val: 0, test: 100 }
}

/// A request for pictures of `inputs` pixels in one row.
fn request(
    inputs: usize,
    hidden: &[usize],
    train: usize,
    recipe: &Recipe,
    profile: DeviceProfile,
) -> PlanRequest {
    let shape = Shape::new(inputs, hidden, 10).expect("a shape that is supported");
    PlanRequest::new(&shape, lengths(train), (1, inputs), recipe, profile)
}

/// What `choose` takes for MNIST's pictures: the plan's kind, or its error.
fn chosen(
    wanted: Option<PlanKind>,
    hidden: &[usize],
    train: usize,
    recipe: &Recipe,
    profile: DeviceProfile,
) -> Result<PlanKind, String> {
    let request = request(784, hidden, train, recipe, profile);
    let plan = shadegrad::plan::choose(wanted, &request, &shaders());
    plan.map(|plan| plan.kind).map_err(|error| error.to_string())
}

#[test]
fn the_plan_follows_from_network_and_device() {
    let recipe = plain();
    let auto = |hidden: &[usize], profile| chosen(None, hidden, 60_000, &recipe, profile).unwrap();
    assert_eq!(auto(&[10], SMALL), PlanKind::Fused);
    assert_eq!(auto(&[128], SMALL), PlanKind::Layerwise);
    assert_eq!(auto(&[10, 10], SMALL), PlanKind::Layerwise);
    assert_eq!(auto(&[10], PLAIN), PlanKind::Layerwise);
    let layerwise = chosen(Some(PlanKind::Layerwise), &[10], 60_000, &recipe, SMALL);
    assert_eq!(layerwise, Ok(PlanKind::Layerwise));
    for (variant, most) in [
        (FusedStep::Subgroups { lanes: 16, words: 2 }, 18),
        (FusedStep::Subgroups { lanes: 8, words: 1 }, 18),
        (FusedStep::Workgroup, 16),
    ] {
        let gpu = profile(Some(variant));
        assert_eq!(auto(&[most], gpu), PlanKind::Fused);
        assert_eq!(auto(&[most + 1], gpu), PlanKind::Layerwise);
        let error = chosen(Some(PlanKind::Fused), &[most + 1], 60_000, &recipe, gpu).unwrap_err();
        assert!(
            error.contains(&format!("at most {most} units")) && error.contains(variant.file()),
            "{error}"
        );
    }
    for (hidden, name) in [(&[128][..], "784-128-10"), (&[10, 10], "784-10-10-10")] {
        let error = chosen(Some(PlanKind::Fused), hidden, 60_000, &recipe, SMALL).unwrap_err();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn more_images_than_a_kernel_can_see_get_the_other_plan() {
    for (variant, most) in [
        (FusedStep::SmallSubgroups(8), 8_192 * 128), // rows of a texture, and images of a row
        (FusedStep::Subgroups { lanes: 16, words: 2 }, (128 << 20) / 784),
        (FusedStep::Workgroup, (128 << 20) / 784),
    ] {
        let chosen = |wanted, images| chosen(wanted, &[10], images, &plain(), profile(Some(variant)));
        assert_eq!(chosen(None, most), Ok(PlanKind::Fused));
        assert_eq!(chosen(None, most + 1), Ok(PlanKind::Layerwise));
        let error = chosen(Some(PlanKind::Fused), most + 1).unwrap_err();
        assert!(error.contains(&most.to_string()), "{error}");
    }
}

#[test]
fn the_fused_plan_serves_every_optimizer_and_says_what_it_does_not_serve() {
    for (recipe, part) in [
        (Recipe { batch: Some(128), ..plain() }, "128"),
        (Recipe { activation: Activation::Gelu, ..plain() }, "gelu"),
        (Recipe { smoothing: 0.1, ..plain() }, "0.1"),
    ] {
        assert_eq!(chosen(None, &[10], 1_000, &recipe, SMALL), Ok(PlanKind::Layerwise));
        let error = chosen(Some(PlanKind::Fused), &[10], 1_000, &recipe, SMALL).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    for optimizer in Optimizer::ALL {
        let recipe = Recipe { optimizer, ..plain() };
        assert_eq!(chosen(None, &[10], 1_000, &recipe, SMALL), Ok(PlanKind::Fused));
    }
}

#[test]
fn the_places_of_the_fused_kernel_are_the_layout() {
    for (inputs, hidden, classes) in [(784, 10, 10), (49, 3, 7), (1, 1, 1), (256, 16, 30)] {
        let layout = Layout::new(&Shape::new(inputs, &[hidden], classes).unwrap());
        let k = layout.layers[0].k;
        let sizes = shadegrad::kernels::Sizes { k, n: hidden, classes, lanes: 8, ..Default::default() };
        let [hidden_layer, last] = &layout.layers[..] else { panic!("two layers") };
        let places = [hidden_layer.bias, last.weight, last.bias, layout.len];
        assert_eq!(shadegrad::kernels::fused::places(&sizes).map(|(_, quads)| 4 * quads), places);
        assert_eq!(hidden.next_multiple_of(4), last.k);
    }
}

#[test]
fn chunks_bound_the_memory_and_splits_the_loops() {
    for (inputs, hidden, train) in [
        (784, vec![10], 60_000),
        (784, vec![128], 60_000),
        (784, vec![10], 697_932),
        (784, vec![1024, 1024], 60_000),
        (1, vec![1], MAX_SAMPLES),
        (262_144, vec![4], 4_000),
    ] {
        let request = request(inputs, &hidden, train, &plain(), PLAIN);
        let (chunk, layers) = (request.chunk, &request.layout.layers);
        assert_eq!(chunk % ALIGN, 0);
        assert!(chunk * layers[0].k <= PIXEL_BYTES, "{inputs}: {chunk}");
        let row: usize = layers.iter().map(|layer| 16 * layer.n).sum();
        assert!(chunk * row <= PLAIN.activation_bytes, "{inputs}: {chunk}");
        let chunks = train.div_ceil(chunk);
        assert!(train - (chunks - 1) * chunk + chunks * ALIGN >= chunk, "{inputs}: a short last chunk");
        let plan = layerwise(&request, &shaders()).unwrap();
        for step in plan.steps() {
            let loops = step.sizes.m.div_ceil(step.sizes.splits.max(1));
            let sums = step.counter.is_some() && step.kernel != "partial_metrics";
            assert!(!sums || loops <= 16_384, "{}: {loops} rows of a split", step.kernel);
            assert!(step.sizes.splits <= 60_000, "{}: {} partial sums", step.kernel, step.sizes.splits);
            assert!(step.kernel != "reduce_metrics" || step.sizes.m <= 60_000, "{} partials", step.sizes.m);
        }
    }
}

#[test]
fn the_needs_of_a_plan_are_those_of_what_it_binds() {
    let needs = |batch| {
        let recipe = Recipe { batch, ..plain() };
        layerwise(&request(784, &[10], 697_932, &recipe, PLAIN), &shaders())
            .unwrap()
            .needs(&shaders())
            .unwrap()
    };
    assert!(needs(None).binding <= 2 * PIXEL_BYTES as u64);
    assert_eq!(needs(Some(128)).binding, 697_932 * 784, "a batch is gathered from all images");
    assert_eq!(needs(None).buffer, 697_932 * 784);

    let binding = |variant, train| {
        let request = request(784, &[10], train, &plain(), profile(Some(variant)));
        fused(&request, variant, &shaders()).unwrap().needs(&shaders()).unwrap().binding
    };
    for variant in [FusedStep::Subgroups { lanes: 16, words: 2 }, FusedStep::Workgroup] {
        assert_eq!(binding(variant, 200_000), 200_000 * 784);
    }
    let small = binding(FusedStep::SmallSubgroups(8), 200_000);
    assert!(small < 200_000 * 784, "pixels of a texture are no binding: {small}");
}

/// The request of a plan by every way there is.
fn plans() -> Vec<Plan> {
    let adam = Recipe {
        optimizer: Optimizer::Adam,
        rate: LearningRate { warmup: 3, ..LearningRate::constant(0.001) },
        ..plain()
    };
    let batches = Recipe { batch: Some(64), shift: true, ..adam };
    let layers = |recipe: &Recipe| layerwise(&request(35, &[12, 8], 613, recipe, PLAIN), &shaders()).unwrap();
    let fused_step = |recipe: &Recipe| {
        fused(&request(35, &[5], 613, recipe, SMALL), FusedStep::SmallSubgroups(8), &shaders()).unwrap()
    };
    vec![layers(&plain()), layers(&adam), layers(&batches), fused_step(&plain()), fused_step(&adam)]
}

#[test]
fn a_plan_is_printed_as_json_and_equal_to_itself_only() {
    let plans = plans();
    for (index, plan) in plans.iter().enumerate() {
        assert!(plans.iter().skip(index + 1).all(|other| other != plan));
        let json = serde_json::to_value(plan).unwrap();
        assert_eq!(json["kind"], plan.kind.name());
        assert_eq!(json["buffers"].as_array().unwrap().len(), plan.buffers.len());
        let passes = json["passes"].as_object().unwrap();
        let names: Vec<_> = passes.keys().map(String::as_str).collect();
        for name in ["iterate", "iterate-with-metrics", "evaluate-train", "evaluate-test", "predict"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        let first = &passes["evaluate-test"].as_array().unwrap()[2]["run"];
        assert_eq!(first["kernel"], "matmul_pixels");
        assert_eq!(first["layer"], 0);
        let pixels = &first["bind"]["pixels"];
        assert_eq!(
            json["buffers"][pixels["buffer"].as_u64().unwrap() as usize]["name"],
            "pixels of the test samples"
        );
    }
}

/// Everything that a step binds is there, as long as it is bound, and in one piece with its alignment.
#[test]
fn every_view_is_inside_of_its_buffer() {
    for plan in plans() {
        for op in plan.passes.values().flatten() {
            let views = match op {
                Op::Run(step) => step.bind.values().copied().collect(),
                Op::Clear(view) => vec![*view],
            };
            for view in views {
                let spec = &plan.buffers[view.buffer.0];
                assert!(view.start + view.len <= spec.len && view.len > 0, "{} of {}", spec.name, plan.kind);
                assert_eq!(view.start % ALIGN, 0, "{} of {}", spec.name, plan.kind);
            }
        }
    }
}

#[test]
fn every_sum_over_samples_is_counted_once_an_iteration() {
    for plan in plans() {
        assert_eq!(
            plan.buffers.iter().find(|spec| spec.name == "samples_seen").unwrap().len,
            plan.counters.len()
        );
        let rows = if plan.passes.contains_key(&PassId::IterateShort) { 64 } else { 613 };
        let counts = plan.counts(PassId::IterateWithMetrics);
        assert!(counts.values().all(|&count| count == rows), "{counts:?}");
        let sums = plan.counters.iter().filter(|counter| counter.split.is_none()).count();
        assert!(sums > 0 && counts.len() >= sums, "{counts:?}");
        let names: Vec<_> = plan.counters.iter().map(ToString::to_string).collect();
        assert!(names.contains(&"partial_metrics of the test samples".to_owned()), "{names:?}");
    }
}

/// What nothing uses takes no memory: the logits, if nothing predicts.
#[test]
fn what_no_pass_uses_is_not_allocated() {
    for plan in plans() {
        let whole = plan.memory();
        let logits = plan.buffers[plan.logits.buffer.0].bytes();
        let kept = plan.keep(|pass| pass != PassId::Predict);
        assert_eq!(whole - kept.memory(), logits);
        assert!(kept.used().values().all(|spec| spec.name != "logits"));
        let only = kept.clone().keep(|pass| pass == PassId::Evaluate(shadegrad::data::Split::Test));
        assert!(
            only.used()
                .values()
                .all(|spec| !matches!(&spec.start, Start::Zeros if spec.name.starts_with("dw")))
        );
    }
}

/// A plan is made from interfaces alone: no shader is read for this one.
#[test]
fn a_plan_needs_interfaces_and_no_texts() {
    struct Read(Shaders);
    impl Interfaces for Read {
        fn interface(
            &self,
            name: &str,
            sizes: &shadegrad::kernels::Sizes,
        ) -> Result<std::sync::Arc<shadegrad::gpu::Interface>, shadegrad::gpu::ShaderError> {
            // Without text and path: what a file of interfaces would hold.
            let interface = (*self.0.interface(name, sizes)?).clone();
            Ok(shadegrad::gpu::Interface { path: String::new(), ..interface }.into())
        }

        fn edited_files(&self) -> Vec<&'static str> {
            Vec::new()
        }
    }
    let request = request(35, &[12], 613, &plain(), PLAIN);
    assert_eq!(layerwise(&request, &Read(shaders())).unwrap(), layerwise(&request, &shaders()).unwrap());
}
