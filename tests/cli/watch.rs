//! `shadegrad watch`: a line after every save, whatever is saved.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use serde_json::Value;
use shadegrad::kernels::shader_files;
use tempfile::TempDir;

use super::{Run, common::binary::process, path_text, run, temporary, without_driver};

/// Longer than any save takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Longer than a save without a change could take to be noticed.
const SILENCE: Duration = Duration::from_secs(2);

/// A running `watch` over a folder.
struct Watched {
    folder: TempDir,
    child: Child,
    events: Receiver<Value>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Watched {
    /// Over a folder with these files, as they are built in.
    fn over(names: &[&str], flags: &[&str]) -> Self {
        let folder = temporary();
        for name in names {
            fs::write(folder.path().join(format!("{name}.wgsl")), text(name)).expect("a shader");
        }
        let args = [&["watch", path_text(folder.path()), "--json"], flags].concat();
        let mut command = process(&[], &args);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).expect(&line);
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let watched = Watched { folder, child, events };
        let start = watched.event();
        assert!(start["event"] == "watch-start" && start["device"]["driver"].is_string(), "{start}");
        watched
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.wgsl"))
    }

    fn event(&self) -> Value {
        self.events.recv_timeout(PATIENCE).expect("a line after the save")
    }

    /// Saves a file, and returns what is said of it.
    fn save(&self, name: &str, text: &str) -> Value {
        fs::write(self.path(name), text).expect("a save");
        let event = self.event();
        assert!(event["event"] == "reload" && event["file"] == format!("{name}.wgsl"), "{event}");
        event
    }

    fn is_silent(&self) {
        let event = self.events.recv_timeout(SILENCE);
        assert_eq!(event, Err(RecvTimeoutError::Timeout));
    }
}

fn text(name: &str) -> &'static str {
    shader_files().find(|file| file.name == name).expect(name).text
}

fn edited(name: &str, from: &str, to: &str) -> String {
    assert!(text(name).contains(from), "{name} has no `{from}`");
    text(name).replace(from, to)
}

fn leaky() -> String {
    edited("relu", "select(z[i], vec4f(0.0)", "select(z[i], 0.01 * z[i]")
}

#[test]
fn a_save_is_checked_and_timed_against_the_text_before_and_the_built_in_one() {
    let watched = Watched::over(&["relu"], &[]);
    let event = watched.save("relu", &leaky());
    assert_eq!(event["outcome"], "taken", "{event}");
    let kernel = &event["kernels"][0];
    assert_eq!((&kernel["source"], &kernel["verdict"]), (&"relu".into(), &"differs".into()), "{event}");
    assert!(
        kernel["message"]
            .as_str()
            .is_some_and(|words| words.starts_with("a[") && words.contains("expected 0"))
    );
    assert!(kernel["us"].as_f64() > Some(0.0) && kernel["before"].is_null(), "{kernel}");
    assert!(
        kernel["built_in"]["us"].as_f64() > Some(0.0) && kernel["built_in"]["ratio"].as_f64() > Some(0.0)
    );
    // What was before is an edit now, and this one is the built-in text.
    let event = watched.save("relu", text("relu"));
    let kernel = &event["kernels"][0];
    assert_eq!((&kernel["verdict"], &kernel["share"]), (&"right".into(), &0.0.into()), "{event}");
    assert!(kernel["before"]["us"].as_f64() > Some(0.0) && kernel["built_in"].is_null(), "{kernel}");
}

#[test]
fn what_is_broken_is_named_with_its_line_and_the_text_before_is_kept() {
    let watched = Watched::over(&["relu"], &[]);
    let relu = |from: &str, to: &str| edited("relu", from, to);
    let broken = [
        (relu("a[i] =", "b[i] ="), "relu.wgsl:13:3"),
        (relu("vec4f(0.0), z", "vec4f(0.0) z"), "relu.wgsl:13"),
        (relu("return;", "retrun;"), "relu.wgsl:12"),
        (relu("let i =", "let i: u33 ="), "relu.wgsl:11"),
        (relu("fn main", "fn other"), "expected one entry point"),
        (relu("array<vec4f>; // (m, n / 4) before", "array<vec3f>; // (m, n / 4) before"), "relu.wgsl"),
        (relu("WORKGROUP = 64u", "WORKGROUP = 8192u"), "maxComputeInvocationsPerWorkgroup"),
        (
            relu("a[i] = select(z[i], vec4f(0.0), z[i] < vec4f(0.0));", ""),
            "`a` would be written only in part",
        ),
        (relu("@binding(0)", "@binding(1)"), "relu.wgsl"),
        (relu("read>       z:", "read>       q:").replace("z[i]", "q[i]"), "no buffer is called `q`"),
        (String::new(), "expected one entry point"),
        ("\u{feff}".to_owned() + text("relu"), "byte order mark"),
    ];
    for (text, part) in broken {
        let event = watched.save("relu", &text);
        let message = event["message"].as_str().unwrap_or_default();
        assert!(event["outcome"] == "kept" && message.contains(part), "`{part}` is not in {event}");
    }
    let event = watched.save("relu", &leaky());
    assert!(event["outcome"] == "taken" && event["kernels"][0]["before"].is_null(), "{event}");
}

#[test]
fn editors_replace_rename_lock_and_empty_files() {
    let watched = Watched::over(&["relu"], &[]);
    // Written beside it and renamed over it.
    let beside = watched.folder.path().join(".relu.wgsl.swp");
    fs::write(&beside, leaky()).expect("a file beside it");
    fs::rename(&beside, watched.path("relu")).expect("a rename");
    assert_eq!(watched.event()["kernels"][0]["verdict"], "differs");
    // Locks, copies and the same bytes once more.
    for name in [".#relu.wgsl", "relu.wgsl~", "#relu.wgsl#", "4913"] {
        fs::write(watched.folder.path().join(name), "fn").expect("a file beside it");
    }
    fs::write(watched.path("relu"), leaky()).expect("the same bytes");
    watched.is_silent();
    // First empty, then written.
    fs::write(watched.path("relu"), "").expect("an empty file");
    thread::sleep(Duration::from_millis(30));
    assert_eq!(watched.save("relu", text("relu"))["outcome"], "taken");
    // Deleted.
    fs::remove_file(watched.path("relu")).expect("a file to delete");
    let event = watched.event();
    assert!(event["outcome"] == "deleted" && event["file"] == "relu.wgsl", "{event}");
    // Ten times in a second: the last one counts.
    for index in 0..10 {
        fs::write(watched.path("relu"), format!("{}// {index}\n", leaky())).expect("a save");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(watched.event()["kernels"][0]["verdict"], "differs");
    watched.is_silent();
}

#[test]
fn of_two_files_that_only_work_together_the_second_brings_the_first() {
    let watched = Watched::over(&["fused_gpu", "fused_step.workgroup"], &[]);
    let calls =
        edited("fused_step.workgroup", "@compute", "fn more() -> u32 { return moved(1u); }\n@compute");
    let event = watched.save("fused_step.workgroup", &calls);
    assert!(event["outcome"] == "kept", "{event}");
    let defines = format!("{}\nfn moved(i: u32) -> u32 {{ return i + 1u; }}\n", text("fused_gpu"));
    let event = watched.save("fused_gpu", &defines);
    assert_eq!(event["outcome"], "taken", "{event}");
}

/// The process that checks may be ended at any time, by a system without memory or a driver: the next save starts
/// another one.
#[cfg(target_os = "linux")]
#[test]
fn a_checking_process_that_was_ended_costs_no_save() {
    let watched = Watched::over(&["relu"], &[]);
    assert_eq!(watched.save("relu", &leaky())["outcome"], "taken");
    let watching = watched.child.id();
    let children =
        fs::read_to_string(format!("/proc/{watching}/task/{watching}/children")).expect("its children");
    let checking = children.split_whitespace().next().expect("a process that checks");
    let ended = std::process::Command::new("kill").args(["-KILL", checking]).status();
    assert!(ended.is_ok_and(|status| status.success()));
    assert_eq!(watched.save("relu", text("relu"))["outcome"], "taken");
    // And it does not outlive the one that watches.
    let children =
        fs::read_to_string(format!("/proc/{watching}/task/{watching}/children")).expect("its children");
    let checking = children.split_whitespace().next().expect("a process that checks").to_owned();
    drop(watched);
    let is_gone =
        || fs::read_to_string(format!("/proc/{checking}/stat")).map_or(true, |stat| stat.contains(") Z "));
    assert!(
        (0..100).any(|_| is_gone() || {
            thread::sleep(Duration::from_millis(100));
            false
        }),
        "{checking} lives"
    );
}

/// Some drivers stop such a loop, and then it has a result, a wrong one. Others go on, and it is named.
#[test]
fn a_loop_that_never_ends_costs_no_other_save() {
    let watched = Watched::over(&["relu"], &[]);
    let endless = "  loop { a[i].y = a[i].y * 0.5 + 1.0; if (a[i].y > 3.0) { break; } }\n  a[i] =";
    let event = watched.save("relu", &edited("relu", "  a[i] =", endless));
    let message = event["message"].as_str().unwrap_or_default();
    let ends_here = event["outcome"] == "taken";
    assert!(ends_here || message.contains("ran for more than 2 s"), "{event}");
    assert_eq!(watched.save("relu", &leaky())["outcome"], "taken");
}

/// As another branch is checked out: the system forgets a folder that is deleted.
#[test]
fn a_folder_that_is_made_again_is_still_watched() {
    let watched = Watched::over(&["relu"], &[]);
    let variants = watched.folder.path().join("variants");
    let save = |text: &str| fs::write(variants.join("gelu.wgsl"), text).expect("a save");
    fs::create_dir(&variants).expect("a folder");
    save(&edited("gelu", "// gelu", "// one"));
    assert_eq!(watched.event()["file"], "gelu.wgsl");
    fs::remove_dir_all(&variants).expect("a folder to delete");
    fs::create_dir(&variants).expect("the folder once more");
    save(&edited("gelu", "// gelu", "// two"));
    assert_eq!(watched.event()["file"], "gelu.wgsl");
    save(&edited("gelu", "// gelu", "// three"));
    assert_eq!(watched.event()["file"], "gelu.wgsl");
}

#[test]
fn a_folder_can_be_polled() {
    let watched = Watched::over(&["gelu"], &["--poll"]);
    assert_eq!(watched.save("gelu", &edited("gelu", "// gelu", "// GELU"))["outcome"], "taken");
}

#[test]
fn a_folder_that_is_none_and_the_cpu_engine_are_usage_errors() {
    let missing = Run::of(without_driver(&["watch", "/nonexistent/shaders"]));
    missing.status(2).says(&["/nonexistent/shaders: ", "shaders export DIR"]);
    let folder = temporary();
    run(&["watch", path_text(folder.path()), "--device", "cpu"]).status(2).says(&["--device cpu"]);
}
