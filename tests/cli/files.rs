//! Files that a run reads and writes: their names, what may not be replaced, and what is left of a write that
//! failed.

use super::*;

#[test]
fn a_model_does_not_replace_what_the_run_reads() {
    let folder = common::folder(&common::dataset(7, 5, 20, 10));
    let data = path_text(folder.path());
    let shaders = temporary();
    run(&["shaders", "export", path_text(shaders.path())]).status(0);
    let label = inside(&folder, "t10k-labels-idx1-ubyte");
    let gzipped = inside(&folder, "train-images-idx3-ubyte.gz");
    let dotted = inside(&folder, "train-images.idx3-ubyte");
    let (relu, tiled) = (inside(&shaders, "relu.wgsl"), inside(&shaders, "variants/matmul.tiled.wgsl"));
    let (hard, new) = (inside(&folder, "a model"), inside(&shaders, "new.wgsl"));
    fs::hard_link(&label, &hard).expect("a hard link");
    for save in [&label, &gzipped, &dotted, &hard, &relu, &tiled, &new] {
        let before = fs::read(save).ok();
        let args = ["--data", data, "--shaders", path_text(shaders.path()), "--save", save, "--iters", "1"];
        let run = Run::of(without_driver(&args)).status(2).says(&["--save", save, "reads"]);
        assert_eq!(run.stdout, "", "{save}");
        assert_eq!(fs::read(save).ok(), before, "{save}");
    }
    #[cfg(unix)]
    {
        let link = inside(&shaders, "link");
        std::os::unix::fs::symlink(&label, &link).expect("a link");
        Run::of(without_driver(&["--data", data, "--save", &link])).status(2).says(&[&link, &label]);
    }
    let own = inside(&folder, "model.safetensors");
    for init in ["he", &own] {
        let args = ["--data", data, "--device", "cpu", "--iters", "1", "--save", &own, "--init", init];
        run(&args).status(0);
    }
}

#[test]
fn a_model_is_not_written_to_standard_output() {
    let folder = temporary();
    let mut command = without_driver(&["--save", "-"]);
    command.current_dir(folder.path());
    let run = Run::of(command).status(2).says(&["--save -", "./-"]);
    assert_eq!(run.stdout, "");
    assert_eq!(files(folder.path()).count(), 0);
}

/// A file's strings are not to command the terminal, nor to fill it.
#[test]
fn what_a_model_says_of_itself_is_shown_escaped_and_cut() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    run(&["--device", "cpu", "--iters", "0", "--save", &save]).status(0);
    let bytes = fs::read(&save).expect("a model");
    let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).expect("JSON");
    let values = [r"\u001b]0;title\u0007\nerror: none".to_owned(), r"x\u0001".repeat(100_000)];
    for (key, value) in [("activation", "relu"), ("first-label", "0")] {
        for hostile in &values {
            let hostile =
                header.replace(&format!(r#""{key}":"{value}""#), &format!(r#""{key}":"{hostile}""#));
            assert_ne!(hostile, header);
            let whole =
                [&(hostile.len() as u64).to_le_bytes(), hostile.as_bytes(), &bytes[8 + length..]].concat();
            fs::write(&save, whole).expect("a model is written");
            let run = run(&["--device", "cpu", "--iters", "0", "-q", "--init", &save]).status(0);
            assert!(run.stderr.starts_with("warning: ") && run.stderr.len() < 500, "{}", run.stderr);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
            assert!(!run.stderr.trim_end().contains(char::is_control), "{:?}", run.stderr);
        }
    }
}

#[cfg(unix)]
mod unix_only {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Stdio};

    use super::*;

    /// Data, shaders and models under a name that is not UTF-8 and would clear a terminal.
    #[test]
    fn names_need_not_be_utf_8() {
        let folder = temporary();
        let odd = |name: &[u8]| folder.path().join(OsStr::from_bytes(name));
        let data = odd(b"d\xffata\x1b[2J");
        fs::create_dir(&data).expect("a folder");
        for file in files(DATA.path()) {
            fs::copy(&file, data.join(file.file_name().expect("a name"))).expect("a copy");
        }
        let (shaders, save) = (odd(b"\xfe\xffshaders"), odd(b"m\xc3odel"));
        let mut command = common::shadegrad(&["shaders", "export"]);
        command.arg(&shaders);
        Run::of(command).status(0);
        let mut sha256 = Vec::new();
        for (device, init) in [("gpu", None), ("cpu", None), ("cpu", Some(&save))] {
            let mut command = common::shadegrad(&["--iters", "1", "--json", "--device", device]);
            command.arg("--data").arg(&data).arg("--save").arg(&save);
            if device == "gpu" {
                command.arg("--shaders").arg(&shaders);
            }
            command.args(init.iter().flat_map(|path| [OsStr::new("--init"), path.as_os_str()]));
            let run = Run::of(command).status(0).says(&["saved to", "\u{fffd}"]);
            assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
            assert!(run.start()["config"]["data"].as_str().is_some_and(|data| data.contains('\u{fffd}')));
            sha256.push(run.end()["weights_sha256"].clone());
        }
        assert_ne!(sha256[1], sha256[2], "one started where the other ended");
        let mut command = common::shadegrad(&["--device", "cpu", "--data"]);
        command.arg(odd(b"no\xffthing"));
        Run::of(command).status(3).says(&["no\u{fffd}thing"]);
    }

    /// A name that begins a line of its own could pass for another message.
    #[test]
    fn a_name_with_a_line_break_is_shown_on_one_line() {
        let folder = temporary();
        let odd = |name: &str| inside(&folder, &format!("{name}\nerror: all is well\t"));
        let (data, part, shaders, model) = (odd("data"), odd("part"), odd("shaders"), odd("model"));
        for folder in [&data, &part, &shaders] {
            fs::create_dir(folder).expect("a folder");
        }
        for file in files(DATA.path()) {
            fs::copy(&file, Path::new(&data).join(file.file_name().expect("a name"))).expect("a copy");
        }
        let two = ["a\nb-train-images-idx3-ubyte", "train-images-idx3-ubyte"];
        for name in two {
            fs::write(Path::new(&part).join(name), "").expect("a file");
        }
        fs::write(&model, "no model").expect("a file");
        fs::write(Path::new(&shaders).join("relu.wgsl"), b"// \xff").expect("a file");
        for (status, args) in [
            (2, ["--save", &inside(&folder, "data\nerror: all is well\t/train-images-idx3-ubyte")]),
            (3, ["--data", &odd("none")]),
            (3, ["--data", &model]),
            (3, ["--data", &part]),
            (3, ["--init", &model]),
            (3, ["--save", &format!("{}/model", odd("none"))]),
            (5, ["--shaders", &odd("none")]),
            (5, ["--shaders", &shaders]),
        ] {
            let data = if args[0] == "--save" { &["--data", &data][..] } else { &[] };
            let run = Run::of(without_driver(&[&args, data].concat())).status(status);
            let run = run.says(&["error: ", r"\nerror: all is well\t"]);
            assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        }
        let args = ["--device", "cpu", "--iters", "0", "--data", &data, "--save", &model];
        for more in [&[][..], &["--init", &model]] {
            let run = run(&[&args, more].concat()).status(0).says(&["saved to", r"model\nerror"]);
            // A heading goes on below itself.
            let heading = run.stdout.replace("\n         ", "");
            assert!(heading.contains(r"data\nerror"), "{heading}");
            let all = [run.stdout, run.stderr].concat();
            assert!(!all.lines().any(|line| line.starts_with("error")) && !all.contains('\t'), "{all}");
        }
    }

    /// The limit stands for a full disk: a write beyond it fails.
    fn with_small_files(args: &[&str]) -> Run {
        let mut command = process(&["sh", "-c", "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\""], args);
        Run::ended(command.stdin(Stdio::null()).output().expect("the binary runs"))
    }

    #[test]
    fn an_export_that_fails_leaves_whole_files_and_can_be_repeated() {
        let (folder, whole) = (temporary(), temporary());
        let run_ = with_small_files(&["shaders", "export", path_text(folder.path())]);
        assert!(run_.status.is_some_and(|status| status != 0), "{}", run_.stderr);
        assert!(run_.stderr.contains("error: "), "{}", run_.stderr);
        run(&["shaders", "export", path_text(whole.path())]).status(0);
        let mut written = 0;
        for file in files(folder.path()).filter(|path| path.is_file()) {
            let name = file.file_name().expect("a name");
            assert_eq!(fs::read(&file).ok(), fs::read(whole.path().join(name)).ok(), "{}", file.display());
            written += 1;
        }
        assert!(written < files(whole.path()).count());
        run(&["shaders", "export", path_text(folder.path())]).status(0);
        assert_eq!(files(folder.path()).count(), files(whole.path()).count());
    }

    #[test]
    fn the_programs_own_name_changes_nothing() {
        let folder = temporary();
        let link = "ln -s \"$0\" 'another name' && exec './another name' \"$@\"";
        let args = ["--device", "gpu", "--iters", "3", "--json", "-q"];
        let sha256 = |by: &[&str]| {
            let output = process(by, &args).current_dir(folder.path()).output().expect("the binary runs");
            Run::ended(output).status(0).end()["weights_sha256"].clone()
        };
        assert_eq!(sha256(&["sh", "-c", link]), sha256(&[]));
        assert!(folder.path().join("another name").exists());
    }
}
