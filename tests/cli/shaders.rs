//! `--shaders` and `--plan`: edited kernels, what is wrong with them, and who trains with them.

use std::{fs, path::Path};

use shadegrad::kernels::DeviceProfile;
use tempfile::TempDir;

use super::{
    Run, common::gpu::adapter, files, inside, not_run::not_run, path_text, run, shader_folders, temporary,
    without_driver,
};

/// A folder of exported shaders with `file` edited: `from` becomes `to`.
pub fn edited(file: &str, from: &str, to: &str) -> TempDir {
    shader_folders::edited(&[(file, from, to)])
}

/// The file of fused_step that this adapter trains the default network with; `None` if it has no fused plan.
pub fn fused_step() -> Option<String> {
    let variant = DeviceProfile::of(&adapter()).fused_step?;
    Some(format!("variants/{}.wgsl", variant.file()))
}

/// The same for what needs one. Where there is none, that is what `--plan fused` must say, and the output names what
/// is not run.
pub fn fused_step_for(what: &str) -> Option<String> {
    let found = fused_step();
    if found.is_none() {
        run(&["--device", "gpu", "--plan", "fused"])
            .status(2)
            .says(&["--plan fused needs a GPU", "this adapter is neither"]);
        not_run(what);
    }
    found
}

/// A training on the GPU with the shaders of `folder`.
fn with_shaders(folder: &Path) -> Run {
    run(&["--device", "gpu", "--iters", "3", "--json", "--shaders", path_text(folder)])
}

#[test]
fn a_folder_of_shaders_must_be_there() {
    let missing = inside(&temporary(), "missing");
    Run::of(without_driver(&["--shaders", &missing])).status(5).says(&[&missing]);
    let empty = temporary();
    Run::of(without_driver(&["--shaders", path_text(empty.path())])).status(5).says(&["shaders export"]);
}

#[test]
fn a_file_that_is_no_kernel_is_a_shader_error() {
    let folder = temporary();
    fs::write(folder.path().join("rellu.wgsl"), "").expect("a file is written");
    let run = Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5);
    run.says(&["rellu.wgsl", "relu,"]);
}

#[test]
fn a_syntax_error_is_shown_in_its_line() {
    let folder = edited("relu.wgsl", "arrayLength(&a))", "arrayLength(&a)");
    let source = fs::read_to_string(folder.path().join("relu.wgsl")).expect("the edited shader");
    let line =
        1 + source.lines().position(|line| line.contains("arrayLength(&a) {")).expect("the edited line");
    let run = Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5);
    let run = run.says(&[&format!("relu.wgsl:{line}:"), "if (i >= arrayLength(&a) { return; }", "^"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn a_type_error_is_a_shader_error() {
    let folder = edited("relu.wgsl", "vec4f(0.0)", "vec3f(0.0)");
    Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5).says(&["relu.wgsl:", "^"]);
}

#[test]
fn another_type_of_number_in_a_binding_is_a_shader_error() {
    let folder = edited("relu.wgsl", "vec4f", "vec4u");
    let source = fs::read_to_string(folder.path().join("relu.wgsl")).expect("the edited shader");
    fs::write(folder.path().join("relu.wgsl"), source.replace("0.0", "0")).expect("an edited shader");
    with_shaders(folder.path()).status(5).says(&["relu.wgsl", "`z`", "f32", "u32"]);
}

#[test]
fn a_texture_of_what_the_plan_has_as_a_buffer_is_a_shader_error() {
    let folder = temporary();
    let source = "@group(0) @binding(0) var pixels: texture_storage_2d<rgba32uint, read>;\n\
        @group(0) @binding(1) var<storage, read_write> z: array<vec4f>;\n\
        const WORKGROUP = 64u;\n const ROWS = 4u;\n\
        @compute @workgroup_size(WORKGROUP)\n\
        fn main(@builtin(global_invocation_id) id: vec3u) { z[id.x] = vec4f(textureLoad(pixels, id.xy)); }\n";
    fs::write(folder.path().join("matmul_pixels.wgsl"), source).expect("an edited shader");
    with_shaders(folder.path()).status(5).says(&[
        "matmul_pixels.wgsl",
        "`pixels`",
        "texture",
        "var<storage>",
    ]);
}

#[test]
fn a_binding_of_an_unknown_name_is_a_shader_error() {
    let folder = edited("sgd.wgsl", "gradients", "slopes");
    with_shaders(folder.path()).status(5).says(&["sgd.wgsl", "slopes", "gradients"]);
}

#[test]
fn a_constant_that_the_host_needs_may_not_go() {
    let folder = edited("matmul.wgsl", "ROWS", "TILE");
    with_shaders(folder.path()).status(5).says(&["matmul.wgsl", "const ROWS"]);
}

#[test]
fn exported_shaders_train_to_the_same_weights() {
    let built_in = run(&["--device", "gpu", "--iters", "3", "--json"]).status(0).end();
    let folder = edited("relu.wgsl", "", "");
    let exported = with_shaders(folder.path()).status(0).says(&["shaders from", "none edited"]).end();
    assert_eq!(exported["weights_sha256"], built_in["weights_sha256"]);
    fs::remove_dir_all(folder.path().join("variants")).expect("a folder of exported shaders goes");
    for path in files(folder.path()).filter(|path| !path.ends_with("relu.wgsl")) {
        fs::remove_file(path).expect("an exported shader goes");
    }
    let some = with_shaders(folder.path()).status(0).says(&["1 there, none edited"]).end();
    assert_eq!(some["weights_sha256"], built_in["weights_sha256"]);
}

#[test]
fn an_edited_shader_is_the_one_that_runs() {
    let built_in = run(&["--device", "gpu", "--iters", "3", "--json"]).status(0).end();
    let folder = edited("sgd.wgsl", "-= rate", "-= 0.5 * rate");
    let slower = with_shaders(folder.path()).status(0).end();
    assert_ne!(slower["weights_sha256"], built_in["weights_sha256"]);
}

#[test]
fn exporting_leaves_edits_alone() {
    let folder = edited("relu.wgsl", "0.0", "0.1");
    let before = fs::read(folder.path().join("relu.wgsl")).expect("the edited shader");
    run(&["shaders", "export", path_text(folder.path())]).status(5).says(&["relu.wgsl", "differs"]);
    assert_eq!(fs::read(folder.path().join("relu.wgsl")).expect("the edited shader"), before);
}

#[test]
fn a_kernel_that_drops_samples_stops_the_training() {
    let folder = edited("weight_gradient_pixels.wgsl", "row = split * rows;", "row = split * rows + 1u;");
    let run = with_shaders(folder.path()).status(6).says(&["weight_gradient_pixels", "613"]);
    assert!(run.events().iter().all(|event| event["event"] == "start"), "{}", run.stdout);
}

#[test]
fn a_plan_that_does_not_serve_the_network_is_a_usage_error() {
    let device = ["--device", "gpu", "--iters", "1", "--plan", "fused"];
    if fused_step_for("a layer that is too wide for the fused plan").is_some() {
        let run = run(&[&device[..], &["--hidden", "999"]].concat()).status(2);
        run.says(&["--plan fused", "35-999-10", "at most"]);
    }
    run(&[&device[..], &["--hidden", "3,3"]].concat()).status(2).says(&["--plan fused", "35-3-3-10"]);
    run(&["--plan", "best"]).status(2).says(&["auto, fused or layerwise"]);
    run(&["--device", "cpu", "--plan", "layerwise"]).status(2).says(&["--plan", "CPU engine"]);
}

#[test]
fn edited_shaders_get_the_plan_that_trains_with_them() {
    let plan = |run: Run| run.status(0).start()["plan"].as_str().map(str::to_owned).expect("a plan");
    let args = ["--device", "gpu", "--iters", "1", "--json"];
    let Some(fused_step) = fused_step_for("edited shaders and the fused plan") else {
        assert_eq!(plan(run(&args)), "layerwise", "without a fused kernel");
        return;
    };
    assert_eq!(plan(run(&args)), "fused");
    assert_eq!(plan(run(&[&args[..], &["--hidden", "3,3"]].concat())), "layerwise");
    let relu = edited("relu.wgsl", "vec4f(0.0)", "vec4f(0.1)");
    assert_eq!(plan(with_shaders(relu.path()).says(&["layerwise plan"])), "layerwise");
    let fused = edited(&fused_step, "first += T", "first += 0u + T");
    assert_eq!(plan(with_shaders(fused.path())), "fused");
    let copy = edited("copy.wgsl", "y[i]", "y[ i ]");
    assert_eq!(plan(with_shaders(copy.path()).says(&["nothing in this training runs", "copy"])), "fused");
    let with = ["--shaders", path_text(relu.path()), "--plan", "fused"];
    run(&[&args[..], &with].concat()).status(0).says(&["warning", "does not train with", "relu"]);
}

#[test]
fn a_mistake_in_the_common_part_is_told_of_it() {
    let folder = edited("common.wgsl", "fn dot_add", "fn dot_add!");
    let run = Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5);
    run.says(&["common.wgsl is not valid WGSL", "common.wgsl:", "dot_add!"]);
}

#[test]
fn a_brace_that_is_missing_at_the_end_is_told_as_such() {
    let folder = edited("relu.wgsl", "z[i] < vec4f(0.0));\n}", "z[i] < vec4f(0.0));");
    let run = Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5);
    run.says(&["relu.wgsl", "is a `}` missing"]);
}

#[test]
fn an_edited_kernel_is_used_though_a_variant_would_be() {
    let args = ["--device", "gpu", "--iters", "3", "--json", "--plan", "layerwise"];
    let built_in = run(&args).status(0).end();
    let folder = edited("matmul_pixels.wgsl", "sum[r]) / 255.0", "sum[r]) / 200.0");
    let with = ["--shaders", path_text(folder.path())];
    let other = run(&[&args[..], &with].concat()).status(0).end();
    assert_ne!(other["weights_sha256"], built_in["weights_sha256"]);
}

#[test]
fn a_fused_kernel_that_drops_samples_stops_the_training() {
    let Some(fused_step) = fused_step_for("a fused kernel that drops samples") else { return };
    let folder = edited(&fused_step, "first += T", "first += 1u + T");
    let run = with_shaders(folder.path()).status(6).says(&["fused_step", "613"]);
    assert!(run.events().iter().all(|event| event["event"] == "start"), "{}", run.stdout);
}
