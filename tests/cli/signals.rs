//! Signals: what they end, what is kept, and which are left alone.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use super::{shader_folders::edited, *};

/// Longer than a run may take to answer, also where other tests run beside it. Without care it is minutes.
const ANSWER: Duration = Duration::from_secs(10);

/// The binary as a child that ignores none of the signals, whatever the tests' own caller ignores.
fn child(args: &[&str]) -> Child {
    let by: &[&str] = if cfg!(target_os = "linux") { &["env", "--default-signal=INT,TERM,HUP"] } else { &[] };
    spawned(by, args)
}

fn spawned(by: &[&str], args: &[&str]) -> Child {
    let mut command = process(by, args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

fn send(signal: &str, process: u32) {
    let kill = Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()), "kill {signal}");
}

fn lines(child: &mut Child) -> BufReader<ChildStdout> {
    BufReader::new(child.stdout.take().expect("a pipe"))
}

fn read_lines(stdout: &mut BufReader<ChildStdout>, count: usize) {
    for _ in 0..count {
        let mut line = String::new();
        stdout.read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "the run ended");
    }
}

/// What the child leaves after the lines that were read.
fn rest(child: Child, mut stdout: BufReader<ChildStdout>) -> Run {
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("the last lines");
    let ended = Run::ended(child.wait_with_output().expect("the binary ends"));
    Run { stdout: rest, ..ended }
}

/// What the child leaves; one that does not end in time is killed.
fn rest_in_time(child: Child, stdout: BufReader<ChildStdout>) -> Run {
    let process = child.id();
    let (ended, end) = channel::<()>();
    thread::scope(|threads| {
        threads.spawn(move || {
            if end.recv_timeout(ANSWER) == Err(RecvTimeoutError::Timeout) {
                send("-KILL", process);
            }
        });
        let run = rest(child, stdout);
        drop(ended);
        run
    })
}

/// Sends `signal` after `events` events of a training; returns its end, and how long it took to answer.
fn interrupted(signal: &str, args: &[&str], events: usize) -> (Value, Duration) {
    interrupted_after(signal, args, events, Duration::ZERO)
}

/// The same, some time after the event.
fn interrupted_after(signal: &str, args: &[&str], events: usize, wait: Duration) -> (Value, Duration) {
    let mut child = child(&[args, &["--json"]].concat());
    let mut stdout = lines(&mut child);
    read_lines(&mut stdout, events);
    thread::sleep(wait);
    let start = Instant::now();
    send(signal, child.id());
    let run = rest_in_time(child, stdout).status(130).has_narrow_notes();
    let took = start.elapsed();
    let announced = run.stderr.lines().filter(|line| line.starts_with("interrupted: "));
    assert_eq!(announced.count(), 1, "{}", run.stderr);
    let end = run.end();
    assert_eq!(end["reason"], "interrupted", "{signal}, {args:?}");
    for figure in ["loss", "train_acc", "test_acc"] {
        assert_eq!(end[figure], Value::Null, "{signal}, {args:?}: nothing is evaluated");
    }
    (end, took)
}

#[test]
fn an_interrupted_training_keeps_its_last_whole_iteration() {
    for (signal, device) in [("-INT", "cpu"), ("-TERM", "cpu"), ("-HUP", "gpu"), ("-INT", "gpu")] {
        let folder = temporary();
        let save = inside(&folder, "model.safetensors");
        let args = ["--device", device, "--iters", "1000000000", "--save", &save];
        let (end, _) = interrupted(signal, &args, 2);
        let iters = end["iters"].to_string();
        let again = run(&["--device", device, "--iters", &iters, "--json"]).status(0).end();
        assert_eq!(end["weights_sha256"], again["weights_sha256"], "{signal}, {device}, {iters} iterations");
        let saved = run(&["--device", "cpu", "--json", "--iters", "0", "--init", &save]).status(0).end();
        assert_eq!(end["weights_sha256"], saved["weights_sha256"], "{signal}, {device}");
    }
}

/// A dispatch that takes a GPU seconds and a processor hours, of invocations that each take little: 60,000 iterations are
/// what every driver runs. The weights are those before it.
#[test]
fn a_dispatch_that_does_not_end_is_not_waited_for() {
    const WRITE: &str = "a[i] = select(z[i], vec4f(0.0), z[i] < vec4f(0.0));";
    let body = "x = sin(x + vec4f(1.0)); ".repeat(16);
    let slow = format!("var x = z[i];\n  for (var t = 0u; t < 60000u; t++) {{ {body}}}\n  a[i] = x;");
    let (shaders, folder) = (edited(&[("relu.wgsl", WRITE, &slow)]), temporary());
    let data = common::folder(&common::dataset(7, 5, 8_000, 8_000));
    let save = inside(&folder, "model.safetensors");
    let network = ["--hidden", "2048", "--data", path_text(data.path())];
    let train = ["--device", "gpu", "--plan", "layerwise", "--shaders", path_text(shaders.path())];
    let args = [&network[..], &train, &["--save", &save]].concat();
    // By then the dispatch has begun: a stop that is asked for before needs nobody's help.
    let (end, took) = interrupted_after("-TERM", &args, 1, Duration::from_secs(1));
    assert!(took > Duration::from_millis(500), "{took:?}: the training itself has answered");
    assert_eq!(end["iters"], 0);
    for init in ["uniform", &save] {
        let start = ["--device", "cpu", "--iters", "0", "--json", "--init", init];
        let start = run(&[&network[..], &start].concat()).status(0).end();
        assert_eq!(end["weights_sha256"], start["weights_sha256"], "{init}");
    }
}

/// An iteration of this network takes a software driver minutes, in dispatches of a second at most.
#[test]
fn a_device_that_computes_for_long_is_not_waited_for() {
    let (large, small) = (common::dataset(28, 28, 64, 60_000), common::dataset(28, 28, 64, 1));
    let (large, small) = (common::folder(&large), common::folder(&small));
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let network = ["--hidden", "4096,2048"];
    let train = ["--device", "gpu", "--save", &save, "--data", path_text(large.path())];
    let (end, took) = interrupted("-TERM", &[&network[..], &train].concat(), 1);
    assert!(took < ANSWER, "{took:?}");
    let iters = end["iters"].to_string();
    // On a slow device nothing was trained, and the start is the same on every device.
    let device = if iters == "0" { "cpu" } else { "gpu" };
    let same = ["--device", device, "--iters", &iters, "--json", "--data", path_text(small.path())];
    let again = run(&[&network[..], &same].concat()).status(0).end();
    assert_eq!(end["weights_sha256"], again["weights_sha256"], "{iters} iterations");
    let read =
        ["--init", &save, "--device", "cpu", "--iters", "0", "--json", "--data", path_text(small.path())];
    let saved = run(&[&network[..], &read].concat()).status(0).end();
    assert_eq!(end["weights_sha256"], saved["weights_sha256"]);
}

/// A chunk of rows of this network takes the CPU engine seconds at most, an iteration minutes.
#[test]
fn the_cpu_engine_answers_between_chunks() {
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let args = ["--data", mnist, "--device", "cpu", "--hidden", "2048,2048"];
    let (end, took) = interrupted("-INT", &args, 1);
    assert!(took < ANSWER, "{took:?}");
    assert_eq!(end["iters"], 0);
}

/// The first row of this network takes the CPU engine minutes.
#[test]
fn a_run_without_a_row_says_soon_what_it_does() {
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    for (more, said) in [(&[][..], true), (&["-q"], false)] {
        let args = ["--data", mnist, "--device", "cpu", "--hidden", "4096,4096"];
        let child = child(&[&args, more].concat());
        thread::sleep(Duration::from_secs(3));
        send("-TERM", child.id());
        let stderr = Run::ended(child.wait_with_output().expect("the binary ends")).stderr;
        assert_eq!(stderr.contains("computing the first report"), said, "{stderr}");
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = temporary();
    let save = inside(&folder, "model.safetensors");
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    // One chunk: the first signal is answered after seconds.
    let network = ["--hidden", "4096,4096,4096", "--limit", "512", "--device", "cpu", "--data", mnist];
    let mut child = child(&[&network[..], &["--json", "--save", &save]].concat());
    let mut stdout = lines(&mut child);
    read_lines(&mut stdout, 1);
    send("-TERM", child.id());
    thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    send("-INT", child.id());
    let run = rest(child, stdout).status(130).has_narrow_notes();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(run.stdout, "", "no end");
    assert!(!Path::new(&save).exists());
}

/// As `nohup` starts a program, and a shell without job control one in the background.
#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    for (ignored, name) in [("-HUP", "HUP"), ("-INT", "INT")] {
        let args = ["--device", "cpu", "--json", "--iters", "1000000000"];
        let script = format!("trap '' {name}; exec \"$0\" \"$@\"");
        let mut child = spawned(&["sh", "-c", &script], &args);
        let mut stdout = lines(&mut child);
        read_lines(&mut stdout, 2);
        send(ignored, child.id());
        // Longer than the pipe's buffer holds back: it lives.
        read_lines(&mut stdout, 1000);
        send("-TERM", child.id());
        let run = rest(child, stdout).status(130).says(&["interrupted: SIGTERM"]);
        assert!(!run.stderr.contains(&format!("interrupted: SIG{name}")), "{}", run.stderr);
    }
}

/// From the moment on at which the process listens: while data are read, the driver loads and compiles.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_with_130_whenever_it_comes() {
    let mnist = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    for wait in 0..20 {
        let args = ["--data", mnist, "-q", "--iters", "1000000000"];
        let child = child(&args);
        while !listens(child.id()) {
            thread::sleep(Duration::from_micros(100));
        }
        thread::sleep(Duration::from_millis(wait * 10));
        let start = Instant::now();
        send(["-INT", "-TERM", "-HUP"][wait as usize % 3], child.id());
        let Run { status, stderr, .. } = Run::ended(child.wait_with_output().expect("the binary ends"));
        assert_eq!(status, Some(130), "after {} ms: {stderr}", wait * 10);
        assert!(stderr.contains("interrupted: "), "{stderr}");
        assert!(start.elapsed() < ANSWER, "{:?}", start.elapsed());
    }
}

/// Whether the process has a handler for SIGTERM.
#[cfg(target_os = "linux")]
fn listens(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process is there");
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
    u64::from_str_radix(mask.trim(), 16).expect("hexadecimal") >> 14 & 1 == 1
}
