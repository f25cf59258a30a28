//! Every shader as the languages of the graphics APIs that are not here: written by naga, judged by
//! Khronos' own tools. Where spirv-val or glslangValidator is missing, the test says what it did not run, and in
//! continuous integration it fails.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use shadegrad::kernels::{export, sources};

/// Translates all shaders, as the driver gets them, into a folder of the target folder.
fn translated(folder: &Path) {
    let (wgsl, manifest) =
        (folder.join("wgsl"), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/portable/Cargo.toml"));
    let flat = folder.join("flat");
    fs::create_dir_all(&flat).unwrap();
    for path in export(&wgsl, true).unwrap() {
        fs::copy(&path, flat.join(path.file_name().unwrap())).unwrap();
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--release", "--locked", "--quiet", "--manifest-path"]).arg(manifest).arg("--");
    // Beside this test's own target folder, so that it is built once.
    cargo.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("portable"));
    let Output { status, stderr, .. } = cargo.arg(&flat).arg(folder).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}

/// What a tool says of each file of a folder; the wrong ones.
fn judged(folder: &Path, tool: &str, args: &[&str]) -> Vec<String> {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|item| item.unwrap().path()).collect();
    assert_eq!(files.len(), sources().count(), "{}", folder.display());
    let wrong = |file: PathBuf| {
        // In the folder: glslangValidator leaves what it made where it is started.
        let output = Command::new(tool).args(args).arg(&file).current_dir(folder).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (!output.status.success()).then(|| format!("{tool} on {}: {}", file.display(), said.concat()))
    };
    files.into_iter().filter_map(wrong).collect()
}

/// Whether a tool is there; if not, names what is not run.
fn has(tool: &str, judges: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok() {
        return true;
    }
    assert!(env::var_os("CI").is_none(), "{tool} is missing: tests/run installs it");
    println!("NOT RUN: {tool} is missing, so nothing judged the {judges} of {} shaders", sources().count());
    false
}

#[test]
fn every_shader_is_right_as_spirv_msl_hlsl_and_glsl() {
    let folder = tempfile::tempdir().unwrap();
    translated(folder.path());
    assert_eq!(fs::read_dir(folder.path().join("msl")).unwrap().count(), sources().count());
    let mut wrong = Vec::new();
    if has("spirv-val", "SPIR-V") {
        wrong.extend(judged(&folder.path().join("spirv"), "spirv-val", &["--target-env", "vulkan1.1"]));
    }
    if has("glslangValidator", "GLSL ES and HLSL") {
        wrong.extend(judged(&folder.path().join("glsl"), "glslangValidator", &["-S", "comp"]));
        for item in fs::read_dir(folder.path().join("hlsl")).unwrap() {
            let path = item.unwrap().path();
            fs::write(&path, without_casts_to_arrays(&fs::read_to_string(&path).unwrap())).unwrap();
        }
        let args = ["-D", "-S", "comp", "-e", "main", "--target-env", "vulkan1.1"];
        wrong.extend(judged(&folder.path().join("hlsl"), "glslangValidator", &args));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// HLSL with a variable of zeros for each cast such as `(float4[10])0`, which glslangValidator does not know
/// and HLSL's own compilers do.
fn without_casts_to_arrays(text: &str) -> String {
    let (mut declared, mut code) = (String::new(), text.to_owned());
    while let Some(end) = code.find("])0") {
        let start = code[..end].rfind('(').expect("a cast has two brackets");
        let (element, sizes) = code[start + 1..=end].split_once('[').expect("a cast to an array has a size");
        let name = format!("zeros_{}", declared.lines().count());
        declared += &format!("static {element} {name}[{sizes};\n");
        let cast = code[start..end + 3].to_owned();
        code = code.replace(&cast, &name);
    }
    declared + &code
}

/// A browser parses the exported text by itself; naga rejects only the line that it demands.
#[test]
fn every_compiled_export_is_a_whole_text_that_asks_for_subgroups_if_it_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut with_subgroups = 0;
    for path in export(folder.path(), true).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        let uses = text.contains("subgroup_invocation_id") || text.contains("subgroupShuffle");
        assert_eq!(text.starts_with("enable subgroups;\n"), uses, "{}", path.display());
        with_subgroups += usize::from(uses);
        let rest = text.trim_start_matches("enable subgroups;\n");
        wgpu::naga::front::wgsl::parse_str(rest)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string(rest)));
    }
    assert!(with_subgroups > 0);
}
