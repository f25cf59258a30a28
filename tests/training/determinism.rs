//! The same command gives the same weights, bit for bit.

use tempfile::TempDir;

use super::*;

/// Pictures of MNIST's size.
pub static FOLDER: LazyLock<TempDir> = LazyLock::new(|| common::folder(&common::dataset(28, 28, 1_500, 200)));

/// The fingerprint that a run of the binary ends with.
pub fn fingerprint(folder: &Path, args: &[&str], variable: Option<(&str, &str)>) -> String {
    let mut command = common::shadegrad(&[&["--json"], args].concat());
    command.arg("--data").arg(folder).envs(variable);
    let output = command.output().expect("the binary runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {}: {stderr}", output.status);
    let stdout = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let end: serde_json::Value = serde_json::from_str(stdout.lines().last().unwrap_or("")).expect("JSON");
    assert_eq!(end["event"], "end", "{stdout}");
    end["weights_sha256"].as_str().expect("a fingerprint").to_owned()
}

#[test]
fn the_same_command_gives_the_same_weights_on_the_gpu_however_it_reports() {
    for plan in ["auto", "layerwise"] {
        let run = |every: &str, variable| {
            let args = ["--plan", plan, "--iters", "15", "--report-every", every];
            fingerprint(FOLDER.path(), &[&args[..], &["--device", "gpu"]].concat(), variable)
        };
        let first = run("10", None);
        assert_eq!(run("10", None), first, "{plan}, a second time");
        for every in ["1", "7", "1000"] {
            assert_eq!(run(every, None), first, "{plan}, --report-every {every}");
        }
        let one_thread = Some(("LP_NUM_THREADS", "1"));
        assert_eq!(run("10", one_thread), first, "{plan}, one thread of the software driver");
    }
}

#[test]
fn the_same_command_gives_the_same_weights_on_the_cpu_whatever_the_threads() {
    let run = |every: &str, threads: &str| {
        let args = ["--device", "cpu", "--iters", "10", "--report-every", every];
        fingerprint(FOLDER.path(), &args, Some(("RAYON_NUM_THREADS", threads)))
    };
    let first = run("10", "1");
    for (every, threads) in [("10", "1"), ("10", "2"), ("1", "2"), ("7", "3")] {
        assert_eq!(run(every, threads), first, "--report-every {every}, {threads} threads");
    }
}

#[test]
fn another_seed_gives_other_weights() {
    let folder = common::folder(&common::dataset(5, 7, 103, 11));
    let run = |seed| fingerprint(folder.path(), &["--device", "gpu", "--iters", "2", "--seed", seed], None);
    assert_eq!(run("1"), run("1"));
    assert_ne!(run("1"), run("2"));
}
