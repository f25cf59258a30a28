//! `--shaders`: files that are no shader, texts that are too much, and comments, which change nothing.

use std::fs;

use tempfile::TempDir;

use super::{
    Run, changed, command, inside, path_text, run,
    shader_folders::{exported, text},
    temporary, without_driver,
};

/// relu.wgsl with `more` before the line that writes its result.
fn relu_with(more: &str) -> TempDir {
    changed("relu.wgsl", |text| {
        assert_eq!(text.matches("\n  a[i] =").count(), 1, "the line that writes");
        text.replace("\n  a[i] =", &format!("\n{more}\n  a[i] ="))
    })
}

/// What is wrong with the shaders of a folder, seen before any driver is.
fn refused(folder: &TempDir) -> Run {
    let run = Run::of(without_driver(&["--shaders", path_text(folder.path())])).status(5);
    assert_eq!(run.stdout, "");
    run
}

fn weights(args: &[&str]) -> serde_json::Value {
    let flags = ["--device", "gpu", "--plan", "layerwise", "--iters", "3", "--json"];
    run(&[&flags[..], args].concat()).status(0).end()["weights_sha256"].clone()
}

fn trains_as_built_in(folder: &TempDir, args: &[&str]) {
    let with = [args, &["--shaders", path_text(folder.path())]].concat();
    assert_eq!(weights(&with), weights(args));
}

#[test]
fn what_is_in_a_comment_or_another_function_is_no_constant() {
    let optimizer = ["--optimizer", "momentum"];
    for (before, after) in [
        ("/* tried:\nconst MU = 0.1;\n/* const MU = 0.2; */ const MU = 0.3; */\n", ""),
        ("// const MU = 0.1;\n", "\nfn other() -> f32 { const MU = 0.2; { const MU = 0.3; } return MU; }\n"),
        ("", "\nconst A = 1u; /* const MU = 0.1; */ const B = 2u;\n"),
    ] {
        trains_as_built_in(&changed("momentum.wgsl", |text| format!("{before}{text}{after}")), &optimizer);
    }
    for (from, to) in [
        ("const ROWS = 8u;", "/* const ROWS = 2u; */ const ROWS/* rows */= 8u; // const ROWS = 4u;"),
        ("const ROWS = 8u;", "const QUARTER = 2u; const ROWS = QUARTER * 4u;"),
        ("override k", "fn other() { const ROWS = 4u; var x = ROWS; }\noverride k"),
    ] {
        let edited = changed("matmul.wgsl", |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        trains_as_built_in(&edited, &[]);
    }
}

#[test]
fn comments_in_an_unrolled_loop_change_nothing() {
    let comment = "/* } a brace, /* { */ break, continue; // unroll */ sum[r] = b[unit]; // } break";
    let edited = changed("matmul.wgsl", |text| {
        assert!(text.contains("sum[r] = b[unit];"));
        text.replace("sum[r] = b[unit];", comment)
    });
    trains_as_built_in(&edited, &[]);
}

#[test]
fn texts_that_are_too_deep_are_refused_with_their_line() {
    let chain = "  if (i == 0u) { return; }".to_owned() + &" else if (i == 1u) { return; }".repeat(5_000);
    for (more, says) in [
        (format!("\n  var q = 1.0{};", " + 1.0".repeat(30_000)), "relu.wgsl:14: "),
        (format!("  let q = {}1.0;", "- ".repeat(30_000)), "relu.wgsl:13: "),
        (format!("  let q = {}true;", "!".repeat(30_000)), "relu.wgsl:13: "),
        (format!("  let q = {}1.0{};", "max(".repeat(9_000), ", 2.0)".repeat(9_000)), "relu.wgsl:13: "),
        (chain, "relu.wgsl:13: more than 100 blocks"),
    ] {
        refused(&relu_with(&more)).says(&[says]);
    }
}

/// A stack of 2 MiB is what the threads have that compile kernels side by side.
#[test]
fn texts_as_deep_as_allowed_train() {
    let chain = format!(
        "  var q = 1.0;\n  if (i == 0u) {{ q = 2.0; }}{}",
        " else if (i == 1u) { q = 3.0; }".repeat(90)
    );
    let functions: String = (1..1_000)
        .rev()
        .map(|at| format!("fn call{at}(x: f32) -> f32 {{ return call{}(x); }}\n", at - 1))
        .collect();
    let constants: String = (1..1_900).rev().map(|at| format!("const C{at} = C{} + 1u;\n", at - 1)).collect();
    for edited in [
        relu_with(&format!("  var q = 1.0{};", " + 1.0".repeat(990))),
        relu_with(&format!("  var q = z[i].x{};", " + z[i].y".repeat(240))),
        relu_with(&format!("  let q = {}z[i].x;", "- ".repeat(990))),
        relu_with(&chain),
        changed("relu.wgsl", |text| format!("{text}{functions}fn call0(x: f32) -> f32 {{ return x; }}\n")),
        changed("relu.wgsl", |text| format!("{text}{constants}const C0 = 1u;\n")),
    ] {
        trains_as_built_in(&edited, &[]);
    }
}

#[test]
fn unrolled_text_is_bounded() {
    let head = |name: &str| format!("  for (var {name} = 0u; {name} < 256u; {name}++) {{ // unroll\n");
    let nested = format!("  var q = 0.0;\n{}{}{}  q += 1.0; }}}}}}", head("c"), head("d"), head("e"));
    refused(&relu_with(&nested)).says(&["relu.wgsl:1", "4 MiB"]);
}

#[test]
fn a_name_of_the_common_part_is_to_be_renamed() {
    let edited =
        changed("relu.wgsl", |text| format!("{text}\nfn sigmoid_of(x: f32) -> f32 {{ return x; }}\n"));
    refused(&edited).says(&["relu.wgsl:16: `sigmoid_of` is already defined in common.wgsl: rename yours"]);
}

#[test]
fn a_broken_common_part_is_to_blame() {
    for (text, says) in [
        ("", "flat_index"),
        ("fn flat_index(", "expected"),
        ("fn flat_index() -> u32 { return 0u; }", "flat_index"),
        ("fn flat_index() {", "is a `}` missing"),
        ("/* flat_index", "is a `*/` missing"),
    ] {
        let edited = changed("common.wgsl", |_| text.to_owned());
        let path = inside(&edited, "common.wgsl");
        let run = refused(&edited).says(&[says]);
        assert!(run.stderr.starts_with(&format!("error: {path}")), "{text}: {}", run.stderr);
    }
}

#[test]
fn compiled_exports_are_told_for_what_they_are() {
    let folder = temporary();
    run(&["shaders", "export", "--compiled", path_text(folder.path())]).status(0);
    refused(&folder).says(&[".wgsl:1: ", "shaders export --compiled"]);
}

#[test]
fn bytes_that_are_no_utf8_are_named_with_their_line() {
    let written = |bytes: &[u8]| {
        let folder = temporary();
        fs::write(folder.path().join("relu.wgsl"), bytes).expect("a file is written");
        refused(&folder)
    };
    written(b"\xef\xbb\xbf// relu").says(&["relu.wgsl:1: ", "byte order mark"]);
    written(b"\xff\xfe/\0/\0").says(&["relu.wgsl:1: ", "byte order mark of UTF-16: save it as UTF-8"]);
    written(b"// relu\n\n// gr\xf6\xdfer\n").says(&["relu.wgsl:3: is not UTF-8: save it as UTF-8"]);
}

#[test]
fn files_of_editors_are_left_out() {
    let folder = changed("relu.wgsl", str::to_owned);
    for name in [
        ".#relu.wgsl",
        "._relu.wgsl",
        ".sgd.wgsl",
        "relu.wgsl~",
        "#relu.wgsl#",
        "relu.wgsl.orig",
        ".relu.wgsl.swp",
    ] {
        fs::write(folder.path().join(name), b"\xffno shader").expect("a file is written");
    }
    let args = ["--device", "gpu", "--iters", "1", "--shaders", path_text(folder.path())];
    run(&args).status(0).says(&["1 there, none edited"]);
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let made = |make: &dyn Fn(&str)| {
        let folder = temporary();
        make(&inside(&folder, "relu.wgsl"));
        refused(&folder).says(&["relu.wgsl: is a", "expected a regular file"]);
    };
    made(&|path| {
        assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
    });
    made(&|path| std::os::unix::fs::symlink("/dev/zero", path).expect("a link"));
    made(&|path| fs::create_dir(path).expect("a folder"));
    let folder = temporary();
    fs::write(folder.path().join("relu.wgsl"), "// long\n".repeat(1 << 18)).expect("a file is written");
    refused(&folder).says(&["relu.wgsl: is larger than 1 MiB"]);
}

#[test]
fn only_edited_files_are_listed() {
    let exported = exported();
    let args = ["--device", "gpu", "--iters", "1", "--shaders", path_text(exported.path())];
    let run = Run::of(command(&args)).status(0).says(&["none edited"]);
    assert!(!run.stderr.contains("matmul"), "{}", run.stderr);
    let mine = format!("// mine\n{}", text("sgd.wgsl"));
    fs::write(exported.path().join("sgd.wgsl"), mine).expect("an edited shader");
    Run::of(command(&args)).status(0).says(&["edited: sgd\n"]);
}
