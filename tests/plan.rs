//! The plan as data: what it holds, what follows from it, and that it can be compiled again.

#[path = "common/data.rs"]
mod common;

use shadegrad::{
    data::{Dataset, Lengths},
    gpu::{Device, Element, Wanted, choose},
    kernels::{DeviceProfile, Interfaces, Shaders, fused::FusedStep},
    net::{ALIGN, Init, Layout, Shape},
    plan::{
        Buffers, MAX_SAMPLES, Op, PassId, Plan, PlanError, PlanKind, PlanRequest, Program, Start, fused,
        layerwise,
    },
    recipe::{Activation, LearningRate, Optimizer, Recipe},
    reference::{forward, scale_pixels},
    train::{Engine, GpuEngine},
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

/// A small training on the best adapter, and what it was made from.
fn engine(data: &Dataset, hidden: &[usize], recipe: &Recipe) -> (GpuEngine, PlanRequest) {
    let adapter = choose(&Wanted::Best, &[]).unwrap_or_else(|error| panic!("{error}"));
    let shape = Shape::new(data.train.inputs, hidden, data.classes).unwrap();
    let profile = DeviceProfile::of(&adapter);
    let request = PlanRequest::new(&shape, data.lengths(), (data.rows, data.cols), recipe, profile);
    let start = Init::Uniform.parameters(&shape, 3);
    let engine = GpuEngine::open(&adapter, &shaders(), &request, None, data, &start);
    (engine.unwrap_or_else(|error| panic!("{error}")), request)
}

fn iterate(engine: &mut GpuEngine, count: usize) {
    let mut done = 0;
    while done < count {
        done += engine.iterate(count - done).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn a_second_program_over_the_same_buffers_trains_on_to_the_same_bits() {
    let data = common::dataset(7, 5, 613, 101);
    let batches = Recipe { batch: Some(100), optimizer: Optimizer::Adam, ..Recipe::gradient_descent(0.01) };
    for (hidden, recipe) in [(&[5][..], plain()), (&[12, 8], plain()), (&[5], batches)] {
        let (mut once, _) = engine(&data, hidden, &recipe);
        iterate(&mut once, 9);
        let (mut twice, _) = engine(&data, hidden, &recipe);
        iterate(&mut twice, 4);
        let second = Program::compile(twice.device(), twice.plan(), &shaders(), twice.buffers());
        twice.replace(second.unwrap_or_else(|error| panic!("{error}")));
        iterate(&mut twice, 5);
        assert_eq!(once.parameters().unwrap(), twice.parameters().unwrap(), "{hidden:?}");
    }
}

#[test]
fn a_program_that_needs_other_buffers_is_refused_with_that_word() {
    let data = common::dataset(7, 5, 613, 101);
    let (engine, request) = engine(&data, &[12, 8], &plain());
    let other = PlanRequest { chunk: request.chunk / 2, ..request };
    let plan = layerwise(&other, &shaders()).unwrap();
    let Err(error) = Program::compile(engine.device(), &plan, &shaders(), engine.buffers()) else {
        panic!("half of the rows pass as all of them");
    };
    assert!(matches!(error, PlanError::OtherBuffers { .. }), "{error}");
    for part in ["other buffers", "z of layer 0"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn the_logits_of_a_prediction_are_the_twins() {
    let data = common::dataset(7, 5, 20, 101);
    let adapter = choose(&Wanted::Best, &[]).unwrap_or_else(|error| panic!("{error}"));
    let shape = Shape::new(35, &[12, 8], 10).unwrap();
    let profile = DeviceProfile::of(&adapter);
    let request = PlanRequest::new(&shape, data.lengths(), (7, 5), &plain(), profile);
    let request = PlanRequest { chunk: ALIGN, ..request }; // two chunks
    let plan = layerwise(&request, &shaders()).unwrap().keep(|pass| pass == PassId::Predict);
    let parameters = Init::Uniform.parameters(&shape, 3);
    let run = || -> Result<Vec<f32>, PlanError> {
        let device = Device::open(&adapter, &plan.needs(&shaders())?)?;
        let buffers = Buffers::allocate(&device, &plan, &data, &parameters)?;
        let program = Program::compile(&device, &plan, &shaders(), &buffers)?;
        device.submit(program.pass(PassId::Predict), 1);
        let bytes = device.read(&[buffers.slice(plan.logits)])?;
        Ok(bytes[0].chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    };
    let found = run().unwrap_or_else(|error| panic!("{error}"));
    let x = scale_pixels(data.test.matrix());
    let expected = forward(&parameters.map(f64::from), x, Activation::Relu);
    assert_eq!(found.len(), 101 * 12, "10 classes, padded");
    for ((row, class), expected) in expected.logits().indexed_iter() {
        let difference = (f64::from(found[12 * row + class]) - expected).abs();
        assert!(difference <= 1e-5, "sample {row}, class {class}: off by {difference}");
    }
    assert_eq!(plan.buffers[plan.logits.buffer.0].element, Element::F32);
}
