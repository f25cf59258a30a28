//! The helper process: it keeps a device and what was compiled, so that a job takes no longer than it must; and it
//! can be ended, so that a shader that never ends harms nobody else.

use std::{
    io::{self, BufRead, Write},
    process,
    sync::{Mutex, mpsc::channel},
    thread,
};

use super::job::{Answer, Checked, Job, Timed, Verdict};
use crate::{
    bench::{Clock, Ratio, Stopwatch, Times},
    gpu::{Adapter, Device, DeviceError, Needs},
    kernels::{
        Case, CheckError, Checker, Depth, DeviceProfile, Entry, REGISTRY, Random, Shaders, Source,
        SourceCheck, Trial, mismatch_text, needs_of_edited,
    },
};

/// Samples of each time.
const ROUNDS: usize = 7;

/// Does jobs from `input` until it ends.
///
/// # Errors
/// If nobody reads the answers.
pub fn serve(adapter: &Adapter, input: impl BufRead + Send + 'static, output: impl Write) -> io::Result<()> {
    let output = Mutex::new(output);
    let answer = |answer: &Answer| -> io::Result<()> {
        let mut output = output.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(output, "{}", serde_json::to_string(answer)?)?;
        output.flush()
    };
    answer(&Answer::Ready(adapter.to_string()))?;
    let mut opened: Option<(Needs, Device)> = None;
    let (sender, lines) = channel();
    thread::spawn(move || {
        input
            .lines()
            .map_while(Result::ok)
            .take_while(|line| sender.send(line.clone()).is_ok())
            .for_each(drop);
        // Nobody asks any more, whatever is computed.
        process::exit(0);
    });
    for line in lines {
        let job: Job = serde_json::from_str(&line)?;
        // Where the other process is gone, the next answer says so.
        let on_answer = |found: Answer| drop(answer(&found));
        match done(adapter, &mut opened, &job, &on_answer) {
            Ok(()) => answer(&Answer::Done)?,
            Err(error) => {
                answer(&Answer::Failed(error.to_string()))?;
                return Ok(());
            }
        }
    }
    Ok(())
}

fn done(
    adapter: &Adapter,
    opened: &mut Option<(Needs, Device)>,
    job: &Job,
    answer: &dyn Fn(Answer),
) -> Result<(), CheckError> {
    let shaders = Shaders::with(&job.files)?;
    let needs = needs_of_edited(adapter, &shaders);
    if opened.as_ref().is_none_or(|(known, _)| *known != needs) {
        *opened = Some((needs, Device::open(adapter, &needs)?));
    }
    let Some((_, device)) = opened else { return Ok(()) };
    let (before, built_in) = (Shaders::with(&job.before)?, Shaders::load(None)?);
    let profiles = DeviceProfile::every(adapter);
    let on_run = |running| answer(Answer::Running(running));
    let checker = Checker::new(device, &shaders, profiles.clone())?.heard_by(Box::new(on_run));
    for entry in REGISTRY {
        let wanted = |source: &Source| job.sources.iter().any(|name| name == source.name);
        for check in checker.kernel(entry, Depth::Tiny, wanted)? {
            let verdict = verdict(&check);
            let runs = matches!(verdict, Verdict::Right(_) | Verdict::Differs(_));
            let compiling = check.compiling.as_secs_f64();
            answer(Answer::Checked(Checked { source: check.source.name.into(), verdict, compiling }));
            if runs
                && let Some(timed) =
                    timed(device, entry, check.source, [&shaders, &before, &built_in], &on_run)?
            {
                answer(Answer::Timed(timed));
            }
        }
    }
    Ok(())
}

fn verdict(check: &SourceCheck) -> Verdict {
    match (&check.outcome, check.not_checked()) {
        (Ok(_), Some(why)) => Verdict::NotRun(why),
        (Ok(found), None) => Verdict::Right(found.as_ref().map_or(0.0, |(nearest, _)| nearest.worst.share)),
        (Err(CheckError::Wrong { buffer, sizes, mismatch, .. }), _) => {
            Verdict::Differs(format!("{} ({sizes})", mismatch_text(buffer, mismatch)))
        }
        (Err(error), _) => Verdict::Refused(error.to_string()),
    }
}

/// Times a text as it is, as it was, and as it is built in, in turn; nothing if it serves no usual sizes here.
fn timed(
    device: &Device,
    entry: &'static Entry,
    source: &'static Source,
    texts: [&Shaders; 3],
    on_run: &dyn Fn(bool),
) -> Result<Option<Timed>, DeviceError> {
    let shape = (entry.shapes.usual)();
    let every = DeviceProfile::every(device.adapter());
    let Some(&sizes) = source.ways(&every, &shape).first() else {
        return Ok(None);
    };
    let case: Case = (entry.case)(sizes, &mut Random::new(0));
    // What does not fit at these sizes has no time; its check has said more.
    let shader = |shaders: &Shaders| shaders.get(source.name, &sizes).ok();
    let [now, before, built_in] = texts.map(shader);
    let Some(now) = now else { return Ok(None) };
    let other =
        |text: Option<std::sync::Arc<crate::gpu::Shader>>, than: &str| text.filter(|text| text.text != than);
    let built_in = other(built_in, &now.text);
    let before = other(before, &now.text)
        .filter(|before| built_in.as_ref().is_none_or(|built_in| built_in.text != before.text));
    let mut trials = Vec::new();
    for shader in [Some(&now), before.as_ref(), built_in.as_ref()].into_iter().flatten() {
        match Trial::new(device, entry, shader, &case) {
            Ok(trial) => trials.push(trial),
            Err(CheckError::Device(error)) => return Err(error),
            Err(_) => return Ok(None),
        }
    }
    let dispatches: Vec<_> = trials.iter().map(|trial| &trial.dispatch).collect();
    let mut stopwatch = Stopwatch::new(device, ROUNDS)?;
    // On the built-in text if that is another one, and else on one that has run before.
    dispatches.last().map_or(Ok(()), |last| stopwatch.check(last, on_run))?;
    let rounds = stopwatch.in_turn(&dispatches, on_run)?;
    let median = |rounds: &[f64]| Times::new(Clock::Device, 1, rounds.to_vec()).median();
    let mut others = rounds[1..].iter().map(|old| (median(old), Ratio::of(&rounds[0], old)));
    let before = before.and_then(|_| others.next());
    let built_in = built_in.and_then(|_| others.next());
    Ok(Some(Timed { source: source.name.into(), now: median(&rounds[0]), before, built_in }))
}
