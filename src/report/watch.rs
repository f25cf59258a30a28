//! What a save has come to: a line for people, or JSON lines.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{DeviceLine, Listing};
use crate::{
    bench::Ratio,
    lab::watch::{Checked, Observer, Outcome, Save, Timed, Verdict},
    visible::shown,
};

/// Kernels of one save that have a line each; more of them share one.
const MAX_LINES: usize = 4;

/// Reports the saves of a folder.
///
/// # Errors
/// If standard output cannot be written.
pub fn watch(json: bool, device: DeviceLine, folder: &Path) -> io::Result<Box<dyn Observer>> {
    let mut listing = Listing::default();
    if json {
        let version = env!("CARGO_PKG_VERSION");
        listing.json(&json!({
            "event": "watch-start", "version": version, "device": device, "folder": folder.display().to_string(),
        }))?;
        return Ok(Box::new(Json(listing)));
    }
    let DeviceLine { name, backend, driver, kind } = device;
    listing.line(&format!("watching {} on {name}\n({backend}, {kind}; {driver})", shown(folder)))?;
    Ok(Box::new(Text(listing)))
}

struct Text(Listing);

impl Observer for Text {
    fn save(&mut self, save: &Save) -> io::Result<()> {
        let file = file_name(&save.path);
        match &save.outcome {
            Outcome::Gone => self.0.line(&format!("{file}  deleted: the built-in text is in its place")),
            Outcome::Kept(why) => self.0.line(&kept(&file, why)),
            Outcome::Taken(found) if found.len() > MAX_LINES => {
                self.0.line(&format!("{file}  {}", summary(found)))
            }
            Outcome::Taken(found) => {
                let several = found.len() > 1;
                found.iter().try_for_each(|(checked, timed)| {
                    let of = if several { format!(" ({})", checked.source) } else { String::new() };
                    self.0.line(&format!("{file}{of}  {}", text(checked, timed.as_ref())))
                })
            }
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// The first line of the reason; what follows, such as the caret, comes below.
fn kept(file: &str, why: &str) -> String {
    let (first, rest) = why.split_once('\n').unwrap_or((why, ""));
    let line = format!("{file}  {first} · kept: the text before");
    if rest.is_empty() { line } else { format!("{line}\n{}", rest.trim_end()) }
}

fn text(checked: &Checked, timed: Option<&Timed>) -> String {
    let mut parts = vec![match &checked.verdict {
        Verdict::Right(share) if *share == 0.0 => "right (exact)".to_owned(),
        Verdict::Right(share) => format!("right ({share:.2} of the bound)"),
        Verdict::Differs(difference) => format!("differs from its twin: {difference}"),
        Verdict::Refused(why) => format!("refused: {why}"),
        Verdict::NotRun(why) => format!("not run on this device: it {why}"),
    }];
    if let Some(Timed { now, before, built_in, .. }) = timed {
        parts.push(match before {
            Some((before, ratio)) => format!("{} -> {} ({})", micros(*before), micros(*now), change(ratio)),
            None => micros(*now),
        });
        if let Some((built_in, ratio)) = built_in {
            parts.push(format!("built-in {} ({})", micros(*built_in), change(ratio)));
        }
    }
    if !matches!(checked.verdict, Verdict::NotRun(_)) {
        parts.push(format!("compiled in {:.0} ms", checked.compiling * 1e3));
    }
    parts.join(" · ")
}

/// What many kernels have in common.
fn summary(found: &[(Checked, Option<Timed>)]) -> String {
    let of = |wanted: fn(&Verdict) -> bool| {
        found.iter().filter(|(checked, _)| wanted(&checked.verdict)).collect::<Vec<_>>()
    };
    let right = of(|verdict| matches!(verdict, Verdict::Right(_))).len();
    let differs = of(|verdict| matches!(verdict, Verdict::Differs(_)));
    let not_run = of(|verdict| matches!(verdict, Verdict::NotRun(_))).len();
    let mut line = format!("{right} kernels right");
    if let Some((first, _)) = differs.first() {
        let Verdict::Differs(difference) = &first.verdict else { return line };
        line = format!(
            "{line}, {} differ from their twins, the first: {} {difference}",
            differs.len(),
            first.source
        );
    }
    if not_run > 0 {
        line = format!("{line}, {not_run} not run on this device");
    }
    line
}

fn micros(seconds: f64) -> String {
    let micros = seconds * 1e6;
    if micros < 10.0 { format!("{micros:.1} us") } else { format!("{micros:.0} us") }
}

/// `-21 % +-2 %`, or that nothing can be said.
fn change(ratio: &Ratio) -> String {
    let (low, high) = ratio.range;
    if !ratio.is_clear() {
        return "no difference measurable".into();
    }
    format!("{:+.0} % +-{:.0} %", (ratio.median - 1.0) * 100.0, (high - low) * 50.0)
}

struct Json(Listing);

impl Observer for Json {
    fn save(&mut self, save: &Save) -> io::Result<()> {
        let path = save.path.display().to_string();
        let event = |outcome: &str| json!({"event": "reload", "path": path, "file": file_name(&save.path), "outcome": outcome});
        match &save.outcome {
            Outcome::Gone => self.0.json(&event("deleted")),
            Outcome::Kept(why) => {
                let mut object = event("kept");
                object["message"] = why.as_str().into();
                self.0.json(&object)
            }
            Outcome::Taken(found) => {
                let mut object = event("taken");
                object["kernels"] = found.iter().map(kernel_json).collect::<Vec<_>>().into();
                self.0.json(&object)
            }
        }
    }
}

fn kernel_json((checked, timed): &(Checked, Option<Timed>)) -> Value {
    let (verdict, share, message) = match &checked.verdict {
        Verdict::Right(share) => ("right", Some(*share), None),
        Verdict::Differs(why) => ("differs", None, Some(why)),
        Verdict::Refused(why) => ("refused", None, Some(why)),
        Verdict::NotRun(why) => ("not-run", None, Some(why)),
    };
    let other = |found: Option<&(f64, Ratio)>| {
        found
            .map(|(seconds, ratio)| json!({"us": seconds * 1e6, "ratio": ratio.median, "range": ratio.range}))
    };
    json!({
        "source": checked.source,
        "verdict": verdict,
        "share": share,
        "message": message,
        "compile_ms": checked.compiling * 1e3,
        "us": timed.as_ref().map(|timed| timed.now * 1e6),
        "before": other(timed.as_ref().and_then(|timed| timed.before.as_ref())),
        "built_in": other(timed.as_ref().and_then(|timed| timed.built_in.as_ref())),
    })
}
