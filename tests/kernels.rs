//! Every registered kernel against its CPU twin, on the adapter of this machine. Without an adapter
//! these tests fail and say what to install.

use shadegrad::{
    gpu::{Adapter, Device, Needs, Shader, Wanted, choose},
    kernels::{
        COMMON, Entry, REGISTRY, Random, Shaders, Sizes, Tensor, entry, fused::FusedStep, prove, sources,
    },
    network::Variants,
    recipe::{Activation, BETAS, MAX_SHIFT, Optimizer},
    reference::{DECAY, EPS, MU, SLOPE},
};

fn adapter() -> Adapter {
    choose(&Wanted::Best, &[]).unwrap_or_else(|error| panic!("{error}"))
}

fn device() -> Device {
    let needs = Needs { binding: 64 << 20, buffer: 64 << 20, ..Needs::default() };
    Device::open(&adapter(), &needs).unwrap_or_else(|error| panic!("{error}"))
}

/// Proves every variant of a kernel that this adapter can run, and at least one.
fn check(name: &str) {
    let (device, shaders, variants) = (device(), Shaders::load(None).unwrap(), variants(name));
    let entry = entry(name).unwrap();
    let shapes = (entry.shapes)();
    assert!(shapes.len() >= 12, "{name} has only {} shapes", shapes.len());
    for (seed, sizes) in shapes.into_iter().enumerate() {
        let serves = |variant: &FusedStep| variant.most_hidden(sizes.k, sizes.classes) >= sizes.n;
        for variants in
            variants.iter().filter(|all| name != "fused_step" || all.fused_step.as_ref().is_some_and(serves))
        {
            let sizes = variants.fused_step.map_or(sizes, |variant| variant.at(sizes));
            let case = (entry.case)(sizes, &mut Random::new(seed as u64));
            let files: Vec<_> = entry.sources.iter().filter(|source| variants.runs(source.name)).collect();
            assert!(!files.is_empty(), "no variant of {name} runs on {}", adapter());
            for source in files {
                let shader = shaders.get(source.name, &sizes).unwrap();
                let what = format!("{} at {sizes:?}", source.name);
                prove(&device, entry, &shader, &case, true).unwrap_or_else(|error| panic!("{what}: {error}"));
                let idle = prove(&device, entry, &shader, &case, false);
                assert!(idle.is_err(), "{what}: passes without the dispatch");
            }
        }
    }
}

/// All variants that this adapter can run, for the kernel that has several for GPUs.
fn variants(name: &str) -> Vec<Variants> {
    if name == "fused_step" { Variants::every(&adapter()) } else { vec![Variants::of(&adapter())] }
}

/// A test for each kernel, named like it, and the list of them.
macro_rules! kernels {
    ($($name:ident)*) => {
        $(#[test] fn $name() { check(stringify!($name)); })*
        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

kernels! {
    gather gather_shifted next_step
    matmul_pixels matmul relu leaky_relu tanh sigmoid gelu
    softmax_cross_entropy count_metrics reduce_metrics input_gradient
    relu_backward leaky_relu_backward tanh_backward sigmoid_backward gelu_backward
    weight_gradient weight_gradient_pixels bias_gradient reduce_gradient
    gradient_descent momentum nesterov rmsprop adam adamw
    fused_step reduce_update
    copy multiply_add
}

#[test]
fn every_registered_kernel_has_its_test() {
    let registered: Vec<_> = REGISTRY.iter().map(|entry: &Entry| entry.name).collect();
    assert_eq!(registered, TESTED);
}

#[test]
fn every_shader_file_is_registered() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            sources().any(|source| source.name == name),
            "{} is no registered kernel: add an entry to src/kernels/registry.rs",
            path.display()
        );
    }
}

/// The two files for GPUs differ in how a lane orders units and how lanes add up their numbers.
#[test]
fn the_fused_kernels_for_gpus_share_their_functions() {
    let text = |name: &str| sources().find(|source| source.name == name).unwrap().text;
    let shared = |text: &'static str| {
        let part = |from: &str, to: &str| {
            let start = text.find(from).unwrap_or_else(|| panic!("no `{from}`"));
            &text[start..start + text[start..].find(to).unwrap_or_else(|| panic!("no `{to}`"))]
        };
        let end = &text[text.find("// Leaves the quad n of the gradients").unwrap()..];
        [
            part("override splits", "alias Weights"),
            part("// Quads of the gradients", "@compute"),
            part("    workgroupBarrier();\n    for (var r = 0u; r < A1_ROUNDS", "\n}\n"),
            // Without the comment on group_sums, which differs.
            part("// A lane's pixels of TILE images", "fn group_sums").rsplit_once("\n\n").unwrap().0,
            part("// z2 of one class", "// dw1 += dz1"),
            end,
        ]
    };
    let alike = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let [subgroups, workgroup] =
        ["fused_step.subgroups", "fused_step.workgroup"].map(|name| shared(text(name)).map(alike));
    assert_eq!(subgroups, workgroup);
}

/// Our kernels run without the zeros that WGSL promises of workgroup memory: what was in it must not matter.
#[test]
fn kernels_write_workgroup_memory_before_they_read_it() {
    let (device, common) = (device(), sources().find(|source| source.name == COMMON).unwrap().text);
    let mut proven = 0;
    for entry in REGISTRY {
        for variants in variants(entry.name) {
            let uses = |text: &str| text.contains("var<workgroup>");
            for source in entry.sources.iter().filter(|s| uses(s.text) && variants.runs(s.name)) {
                // Small ones, and the one at which reduce_update shares sums.
                let shapes = (entry.shapes)();
                let small = shapes.iter().skip(3).filter(|sizes| sizes.m < 500).take(5);
                for &sizes in small.chain(shapes.iter().filter(|sizes| sizes.splits == 17)) {
                    let sizes = variants.fused_step.map_or(sizes, |variant| variant.at(sizes));
                    let case = (entry.case)(sizes, &mut Random::new(7));
                    let constants = entry.constants.map_or(Vec::new(), |of| of(source.name, &sizes));
                    let shader = Shader::new(source.name, &poisoned(source.text), &constants, common)
                        .unwrap_or_else(|error| panic!("{error}"));
                    prove(&device, entry, &shader, &case, true)
                        .unwrap_or_else(|error| panic!("{} at {sizes:?}: {error}", source.name));
                    proven += 1;
                }
            }
        }
    }
    assert!(proven > 0, "no kernel with workgroup memory runs on {}", adapter());
}

/// A text whose `main` first fills all workgroup memory with NaN.
fn poisoned(text: &str) -> String {
    let writes = text.lines().filter_map(|line| line.strip_prefix("var<workgroup> ")).map(|declared| {
        let (name, array) = declared.split_once(": array<").unwrap();
        let (element, len) = array.split_once(">;").unwrap().0.split_once(", ").unwrap();
        format!("for (var i = 0u; i < {len}; i++) {{ {name}[i] = {element}(poison); }} ")
    });
    let (_, buffer) = text.split_once("@binding(0) var<storage, ").unwrap();
    let buffer = buffer.split_once(':').unwrap().0.split_whitespace().last().unwrap();
    // NaN by way of a length: a constant expression may not be NaN.
    let poison = format!("let poison = bitcast<f32>(0x7fc00000u | (arrayLength(&{buffer}) & 0u)); ");
    let body =
        text[text.find("fn main(").unwrap()..].find(" {\n").unwrap() + text.find("fn main(").unwrap() + 2;
    let writes: String = writes.collect();
    format!("{}{poison}{writes}workgroupBarrier();{}", &text[..body], &text[body..])
}

#[test]
fn built_in_shaders_stay_within_the_defaults_of_webgpu() {
    for (name, shader) in Shaders::load(None).unwrap().all().unwrap() {
        let values: Vec<_> = shader.open_overrides.iter().map(|open| (open.clone(), 64.0)).collect();
        let workgroup = shader.workgroup(&values).unwrap();
        assert!(workgroup.invocations() <= 256 && workgroup.memory <= 16 << 10, "{name}: {workgroup:?}");
        let (textures, buffers): (Vec<_>, Vec<_>) = shader.bindings.iter().partition(|b| b.texture);
        assert!(buffers.len() <= 8, "{name}: {} storage buffers", buffers.len());
        assert!(textures.len() <= 4, "{name}: {} storage textures", textures.len());
    }
}

/// A loss tells of a network gone wrong only where its NaN gets there.
#[test]
fn a_nan_goes_through_every_activation() {
    const PLACE: usize = 5;
    let (device, shaders) = (device(), Shaders::load(None).unwrap());
    for kernel in Activation::ALL.map(|activation| activation.kernels()[0]) {
        let entry = entry(kernel).unwrap();
        let mut case = (entry.case)((entry.shapes)()[1], &mut Random::new(1));
        let Some((_, Tensor::F32(z))) = case.given.iter_mut().find(|(name, _)| *name == "z") else {
            panic!("the case of {kernel} gives z as f32");
        };
        z[PLACE] = f32::NAN;
        let shader = shaders.get(kernel, &case.sizes).unwrap();
        let error = prove(&device, entry, &shader, &case, true).unwrap_err().to_string();
        assert!(error.contains(&format!("element {PLACE} is NaN")), "{error}");
    }
}

/// What the host computes with and what the CPU does, the shaders do, too.
#[test]
fn twins_and_shaders_have_the_same_constants() {
    let shaders = Shaders::load(None).unwrap();
    let expected = |name: &str| match name {
        "MU" => Some(MU),
        "DECAY" => Some(DECAY),
        "EPS" => Some(EPS),
        "BETA1" => Some(BETAS[0]),
        "BETA2" => Some(BETAS[1]),
        "SLOPE" => Some(SLOPE),
        "SIDE" => Some((2 * MAX_SHIFT + 1) as f64),
        _ => None,
    };
    let check = |kernel: &str, names: &[&str]| {
        let shader = shaders.get(kernel, &Sizes::default()).unwrap();
        for name in names {
            assert_eq!(shader.number(name), expected(name), "{name} of {kernel}");
        }
    };
    for kernel in Activation::LeakyRelu.kernels() {
        check(kernel, &["SLOPE"]);
    }
    check("gather_shifted", &["SIDE"]);
    check(Optimizer::Momentum.kernel(), &["MU"]);
    check(Optimizer::Nesterov.kernel(), &["MU"]);
    check(Optimizer::Rmsprop.kernel(), &["DECAY", "EPS"]);
    check(Optimizer::Adam.kernel(), &["BETA1", "BETA2", "EPS"]);
    check(Optimizer::Adamw.kernel(), &["BETA1", "BETA2", "EPS"]);
}

/// The bound of an element grows with the length of its sum; the mean square error beside it is what
/// notices one sample of 70,001.
#[test]
fn one_dropped_sample_of_a_long_sum_is_noticed() {
    let sizes = (entry("bias_gradient").unwrap().shapes)()[12];
    assert_eq!((sizes.m, sizes.splits), (70_001, 2));
    let case = (entry("bias_gradient").unwrap().case)(sizes, &mut Random::new(1));
    let (_, expected) = case.expected.iter().find(|(name, _)| *name == "db_partials").unwrap();
    let Some((_, Tensor::F32(dz))) = case.given.iter().find(|(name, _)| *name == "dz") else {
        panic!("the case gives dz as f32");
    };
    let mut found = expected.values.clone();
    expected.check(&found).unwrap();
    for (sum, sample) in found.iter_mut().zip(&dz[..sizes.n]) {
        *sum -= f64::from(*sample);
    }
    assert!(expected.check(&found).is_err());
}
