//! What all shaders have in common: they are registered, stay within WebGPU's defaults, let NaN through, and
//! have the constants of their twins.

#[path = "common/device.rs"]
mod device;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/not_run.rs"]
mod not_run;

use std::path::Path;

use shadegrad::{
    gpu::{GraphicsApi, Part, Shader},
    kernels::{
        COMMON, Depth, DeviceProfile, Entry, MatmulKind, REGISTRY, Random, Shaders, Sizes, Source, Tensor,
        activation_kernels, check, entry, fused::FusedStep, optimizer_kernel, shader_files,
    },
    recipe::{Activation, BETAS, MAX_SHIFT, Optimizer},
    reference::{DECAY, EPS, MU, SLOPE},
};

use device::device;
use gpu::adapter;
use not_run::not_run;

#[test]
fn every_shader_file_is_registered() {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut found = 0;
    for folder in ["", "variants/"] {
        for file in std::fs::read_dir(shaders.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                assert_eq!(path, shaders.join("variants"));
                continue;
            }
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(
                shader_files().any(|file| (file.name, file.folder) == (&name, folder)),
                "{} is no registered file: add it to src/kernels/registry.rs",
                path.display()
            );
            found += 1;
        }
    }
    assert_eq!(found, shader_files().count());
}

/// Devices of every kind that the rules tell apart.
fn profiles() -> Vec<DeviceProfile> {
    let matmul = [MatmulKind::Plain, MatmulKind::SmallSubgroups, MatmulKind::Tiled].into_iter();
    let fused = [8, 16].map(FusedStep::SmallSubgroups).into_iter();
    let shares = [(8, 1), (16, 1), (16, 2)].map(|(lanes, words)| FusedStep::Subgroups { lanes, words });
    let fused: Vec<_> = fused.chain(shares).chain([FusedStep::Workgroup]).map(Some).chain([None]).collect();
    let profile = |matmul, fused_step| DeviceProfile { matmul, fused_step, ..DeviceProfile::default() };
    matmul.flat_map(|matmul| fused.iter().map(move |&fused| profile(matmul, fused))).collect()
}

/// So a shape that one adapter cannot run is checked on another one, and no source is only listed.
#[test]
fn every_shape_and_every_source_of_a_kernel_runs_on_some_device() {
    for entry in REGISTRY {
        let runs = |source: &Source, shape: &Sizes| {
            profiles().iter().any(|profile| (source.runs_on)(profile, shape).is_some())
        };
        for (_, shape) in entry.shapes.of(Depth::Thorough) {
            assert!(entry.sources.iter().any(|source| runs(source, &shape)), "{} at {shape:?}", entry.name);
        }
        for source in entry.sources {
            assert!((entry.shapes.thorough)().iter().any(|shape| runs(source, shape)), "{}", source.name);
        }
    }
}

#[test]
fn wide_layers_get_tiles_and_narrow_ones_do_not() {
    let file = |kernel, matmul, k, n| {
        let profile = DeviceProfile { matmul, ..DeviceProfile::default() };
        entry(kernel).source(&profile, &Sizes { m: 100, k, n, ..Sizes::default() }).name
    };
    assert_eq!(file("matmul_pixels", MatmulKind::Tiled, 784, 128), "matmul_pixels.tiled");
    assert_eq!(file("matmul_pixels", MatmulKind::Tiled, 784, 12), "matmul_pixels");
    assert_eq!(file("matmul_pixels", MatmulKind::SmallSubgroups, 784, 12), "matmul_pixels.small_subgroups");
    assert_eq!(file("matmul", MatmulKind::SmallSubgroups, 12, 12), "matmul");
    assert_eq!(file("matmul", MatmulKind::Plain, 784, 128), "matmul");
    assert_eq!(file("relu", MatmulKind::Tiled, 784, 128), "relu");
}

#[test]
fn built_in_shaders_stay_within_the_defaults_of_webgpu() {
    for (name, shader) in Shaders::load(None).unwrap().all().unwrap() {
        let values: Vec<_> =
            shader.interface.open_overrides.iter().map(|open| (open.clone(), 64.0)).collect();
        let workgroup = shader.workgroup(&values).unwrap();
        assert!(workgroup.invocations() <= 256 && workgroup.memory <= 16 << 10, "{name}: {workgroup:?}");
        let (textures, buffers): (Vec<_>, Vec<_>) = shader.interface.bindings.iter().partition(|b| b.texture);
        assert!(buffers.len() <= 8, "{name}: {} storage buffers", buffers.len());
        assert!(textures.len() <= 4, "{name}: {} storage textures", textures.len());
    }
}

/// A loss shows that a network went wrong only if its NaN gets there.
#[test]
fn a_nan_goes_through_every_activation() {
    const PLACE: usize = 5;
    let (device, shaders) = (device(), Shaders::load(None).unwrap());
    let gl = device.adapter().backend() == GraphicsApi::Gl.name();
    for activation in Activation::ALL {
        // The others look at the bits, or multiply.
        if gl && activation == Activation::Relu {
            not_run(
                "a NaN through relu: GLSL promises no NaN, and of the kernel's choice it allows a maximum",
            );
            continue;
        }
        let kernel = activation_kernels(activation)[0];
        let entry: &Entry = entry(kernel);
        let mut case = (entry.case)((entry.shapes.thorough)()[1], &mut Random::new(1));
        let Some((_, Tensor::F32(z))) = case.given.iter_mut().find(|(name, _)| *name == "z") else {
            panic!("the case of {kernel} gives z as f32");
        };
        z[PLACE] = f32::NAN;
        let shader = shaders.get(kernel, &case.sizes).unwrap();
        let error = check(&device, entry, &shader, &case).unwrap_err().to_string();
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
            assert_eq!(shader.interface.number(name), expected(name), "{name} of {kernel}");
        }
    };
    for kernel in activation_kernels(Activation::LeakyRelu) {
        check(kernel, &["SLOPE"]);
    }
    check("gather_shifted", &["SIDE"]);
    check(optimizer_kernel(Optimizer::Momentum), &["MU"]);
    check(optimizer_kernel(Optimizer::Nesterov), &["MU"]);
    check(optimizer_kernel(Optimizer::Rmsprop), &["DECAY", "EPS"]);
    check(optimizer_kernel(Optimizer::Adam), &["BETA1", "BETA2", "EPS"]);
    check(optimizer_kernel(Optimizer::Adamw), &["BETA1", "BETA2", "EPS"]);
}

/// The bound of an element grows with the length of its sum; the mean square error beside it is what
/// notices one sample of 70,001.
#[test]
fn one_dropped_sample_of_a_long_sum_is_noticed() {
    let sizes = (entry("bias_gradient").shapes.thorough)()[12];
    assert_eq!((sizes.m, sizes.splits), (70_001, 2));
    let case = (entry("bias_gradient").case)(sizes, &mut Random::new(1));
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

/// The mark is a hint: a text whose loops stay loops is legal WGSL and right. At small sizes, as its loops count
/// on drivers that stop them.
#[test]
fn every_text_is_right_with_its_unroll_marks_ignored() {
    let adapter = adapter();
    let device = device();
    for entry in REGISTRY {
        let mut shapes = (entry.shapes.thorough)();
        shapes.sort_by_key(|shape| (shape.m, shape.k));
        shapes.truncate(2);
        assert!(!shapes.is_empty(), "{}", entry.name);
        for source in entry.sources {
            let texts: Vec<_> =
                source.files().chain([&COMMON]).map(|file| file.text.replace("// unroll", "")).collect();
            let parts: Vec<_> =
                texts.iter().map(|text| Part { path: source.name, text, built_in: false }).collect();
            for shape in &shapes {
                let constants =
                    |sizes: &Sizes| entry.constants.map_or(Vec::new(), |of| of(source.name, sizes));
                let runs_on = |profile: &DeviceProfile| (source.runs_on)(profile, shape);
                // Legal on every device that it is written for, right on this one.
                for sizes in profiles().iter().filter_map(runs_on) {
                    Shader::new(source.name, &parts, &constants(&sizes))
                        .unwrap_or_else(|error| panic!("{error}"));
                }
                if let Some(sizes) = DeviceProfile::every(&adapter).iter().find_map(runs_on) {
                    let shader = Shader::new(source.name, &parts, &constants(&sizes)).unwrap();
                    let case = (entry.case)(sizes, &mut Random::new(5));
                    check(&device, entry, &shader, &case)
                        .unwrap_or_else(|error| panic!("{} at {sizes:?}: {error}", source.name));
                }
            }
        }
    }
}
