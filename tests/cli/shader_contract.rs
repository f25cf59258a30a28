//! `--shaders`: edited kernels that do not fit what the host binds or the device offers are refused before training.

use tempfile::TempDir;

use super::{Run, common::gpu::adapter, path_text, replaced, run};

/// A folder with relu.wgsl alone, in which each text is replaced by the one after it.
fn relu(edits: &[(&str, &str)]) -> TempDir {
    replaced("relu.wgsl", edits)
}

fn train(folder: &TempDir) -> Run {
    let flags = ["--device", "gpu", "--plan", "layerwise", "--iters", "3", "--json", "--shaders"];
    run(&[&flags[..], &[path_text(folder.path())]].concat())
}

fn refused(edits: &[(&str, &str)], says: &[&str]) {
    let run = train(&relu(edits)).status(5).says(says);
    assert_eq!(run.stdout, "", "nothing is trained");
}

const WRITE: &str = "a[i] = select(z[i], vec4f(0.0), z[i] < vec4f(0.0));";
const TYPES: &str = "array<vec4f>";

#[test]
fn a_padded_element_is_refused() {
    refused(
        &[(TYPES, "array<vec3f>"), ("vec4f(0.0)", "vec3f(0.0)")],
        &["relu.wgsl:6: `z`", "16 bytes of which 12 are numbers"],
    );
}

#[test]
fn access_is_that_of_the_built_in_file() {
    let z = "var<storage, read>       z";
    refused(
        &[(z, "var<storage, read_write> z")],
        &["relu.wgsl:6: `z` is declared as read_write, and the built-in file only reads it"],
    );
    refused(
        &[("var<storage, read_write> a", "var<storage, read> a"), (WRITE, "let x = a[i] + z[i];")],
        &["relu.wgsl:7: `a` is declared as read, and the built-in file writes it"],
    );
    refused(
        &[
            (
                "@compute",
                "@group(0) @binding(3) var<storage, read> da: array<f32>;\n@group(0) @binding(4) var<storage, read_write> dz: array<f32>;\n\
              @group(0) @binding(5) var<storage, read> parameters: array<f32>;\n@group(0) @binding(6) var<storage, read_write> w: array<f32>;\n@compute",
            ),
            (WRITE, "dz[i] = da[i]; w[i] = parameters[i];"),
        ],
        &["relu.wgsl:12: `w` is declared as read_write, and `parameters` lies in the same buffer"],
    );
}

#[test]
fn what_can_be_bound_is_told_with_its_line() {
    for (declared, says) in [
        ("var pixels: texture_storage_2d<r32uint, read>", "the only texture that can be bound is"),
        ("var pixels: texture_storage_2d<rgba32uint, write>", "the only texture that can be bound is"),
        ("var<uniform> rate: vec4f", "only var<storage> can be bound"),
    ] {
        let with = format!("@group(0) @binding(9) {declared};\n@compute");
        refused(&[("@compute", &with)], &["relu.wgsl:9: `", says]);
    }
    refused(
        &[("(WORKGROUP)", "(WORKGROUP, 2)")],
        &["relu.wgsl:9: expected @workgroup_size(64)", "[64, 2, 1]"],
    );
}

#[test]
fn an_output_that_is_written_in_part_is_refused() {
    refused(
        &[(TYPES, "array<f32>"), ("vec4f(0.0)", "0.0")],
        &["relu.wgsl:7: `a` would be written only in part", "invocations write at most", "the built-in file"],
    );
    refused(&[(WRITE, "a[i].x = z[i].x;")], &["relu.wgsl:7: `a` would be written only in part"]);
    refused(&[(WRITE, "let x = a[i] + z[i];")], &["relu.wgsl:7: `a`", "at most 0 bytes"]);
}

#[test]
fn a_limit_of_the_device_is_compared_before_the_driver_sees_the_text() {
    refused(
        &[("WORKGROUP = 64u", "WORKGROUP = 8192u")],
        &["relu.wgsl:9: maxComputeInvocationsPerWorkgroup is ", "needed 8192"],
    );
    refused(
        &[
            ("const WORKGROUP", "var<workgroup> tile: array<f32, 4000000>;\nconst WORKGROUP"),
            (WRITE, "tile[i % 7u] = 1.0; a[i] = z[i];"),
        ],
        &["relu.wgsl:4: maxComputeWorkgroupStorageSize is ", "needed 16000000"],
    );
    refused(&[("@binding(1)", "@binding(70000)")], &["relu.wgsl:7: @binding(70000)", "below 1000"]);
}

#[test]
fn local_memory_that_would_end_the_driver_is_refused() {
    let with = format!("var big: array<f32, 268435456>;\n  big[i % 7u] = 1.0;\n  {WRITE}");
    refused(&[(WRITE, &with)], &["relu.wgsl:13: ", "1073741824", "65536"]);
    for value in ["array<f32, 10000000>()[i]", "BIG[i]"] {
        let with = format!("a[i] = z[i] + {value};");
        let edits = [("@compute", "const BIG = array<f32, 10000000>();\n@compute"), (WRITE, &with)];
        refused(&edits, &["relu.wgsl:14: ", "this value of an invocation needs 40000000 bytes", "65536"]);
    }
}

/// A trait of the adapter that trains.
fn adapters(name: &str) -> String {
    let found = adapter().traits().into_iter().find(|(known, _)| *known == name);
    found.expect("a trait of this name").1
}

#[test]
fn more_than_webgpu_guarantees_is_a_warning() {
    let run = train(&relu(&[("WORKGROUP = 64u", "WORKGROUP = 512u")]));
    if adapters("invocations a workgroup").parse::<u64>().expect("a number") >= 512 {
        run.status(0).says(&["warning", "relu.wgsl:9", "WebGPU guarantees 256"]);
    } else {
        run.status(5).says(&["relu.wgsl:9: maxComputeInvocationsPerWorkgroup is "]);
    }
}

/// It trains all the same: not every driver stops loops, and not every loop makes all iterations that it could.
#[test]
fn a_loop_that_some_drivers_stop_is_a_warning_with_its_line() {
    let head = "let i = flat_index";
    let with = |bound: &str, body: &str| {
        format!("for (var t = 0u; t < {bound}; t++) {{\n {body} if (z[0].x < 1e30) {{ break; }} }}\n  {head}")
    };
    let inner = "for (var s = 0u; s < 100u; s++) { if (z[s].x < 1e30) { break; } }";
    for (loops, says) in [
        (with("70000u", ""), "relu.wgsl:11: this loop runs up to 70000 times an invocation at this size"),
        (with("1000u", inner), "relu.wgsl:12: this loop runs up to 100999 times"),
    ] {
        train(&relu(&[(head, &loops)])).status(0).says(&["warning", says, "65,535", "docs/drivers.md"]);
    }
    for unknown in [with("u32(z[0].x) + 70000u", ""), with("60000u", "")] {
        let run = train(&relu(&[(head, &unknown)])).status(0);
        assert!(!run.stderr.contains("this loop"), "{}", run.stderr);
    }
}

/// On a device without f16 it is one plain sentence.
#[test]
fn half_precision_is_used_where_the_device_has_it() {
    let edits = [
        ("// relu:", "enable f16;\n// relu:"),
        (WRITE, "a[i] = vec4f(max(vec4<f16>(z[i]), vec4<f16>(0.0)));"),
    ];
    let run = train(&relu(&edits));
    match adapters("f16").as_str() {
        "yes" => run.status(0).says(&["edited: relu"]),
        _ => run.status(5).says(&["relu.wgsl", "uses f16, which", "use f32"]),
    };
}

#[test]
fn a_barrier_that_some_invocations_do_not_reach_is_refused() {
    let with = format!("workgroupBarrier();\n  {WRITE}");
    refused(&[(WRITE, &with)], &["relu.wgsl:13: not all invocations of a workgroup reach this barrier"]);
    let head = "let i = flat_index";
    refused(
        &[(head, &format!("for (var t = 0u; t < id.x; t++) {{\n storageBarrier(); }}\n  {head}"))],
        &["relu.wgsl:12: "],
    );
    let fine = train(&relu(&[(head, &format!("workgroupBarrier();\n  {head}"))]));
    fine.status(0);
}
