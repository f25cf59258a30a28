//! What a check shows: a table for people, or JSON lines.

use std::io;

use serde_json::{Value, json};

use super::{DeviceLine, Listing};
use crate::{
    clock::Duration,
    compare::Difference,
    kernels::{CheckError, Depth, Mismatch, Nearest, Sizes, SourceCheck, mismatch_text},
    lab::{CheckEnd, NetworkCheck, Observer, Verdict},
};

/// Reports a check, as JSON lines or as a table, which names the device and its driver: it can be sent to those who
/// made it.
///
/// # Errors
/// If standard output cannot be written.
pub fn check(json: bool, device: DeviceLine, depth: Depth) -> io::Result<Box<dyn Observer>> {
    let mut listing = Listing::default();
    let version = env!("CARGO_PKG_VERSION");
    if json {
        let thorough = depth == Depth::Thorough;
        let start =
            json!({"event": "check-start", "version": version, "device": device, "thorough": thorough});
        listing.json(&start)?;
        return Ok(Box::new(CheckJson(listing)));
    }
    let DeviceLine { name, backend, driver, kind } = device;
    listing.line(&format!("shadegrad {version} on {name}\n({backend}, {kind}; {driver})\n"))?;
    let head = format!("{:<NAME$} {:>5}  largest error, by its bound", "text of a kernel", "sizes");
    listing.line(&head)?;
    Ok(Box::new(CheckText { listing, edited: false }))
}

/// Columns of a text's name.
const NAME: usize = 39;

struct CheckText {
    listing: Listing,
    /// Whether a row is of an edited text.
    edited: bool,
}

impl Observer for CheckText {
    fn kernel(&mut self, _kernel: &'static str, check: &SourceCheck) -> io::Result<()> {
        if check.not_checked().is_some() {
            return Ok(());
        }
        let name = format!("{}{}", check.source.name, if check.edited { " *" } else { "" });
        self.edited |= check.edited;
        let start = format!("{name:<NAME$} {:>5}", check.cases);
        match &check.outcome {
            Ok(found) => {
                self.listing.line(&format!("{start}  {}", found.as_ref().map_or(String::new(), nearest)))
            }
            Err(CheckError::Wrong { buffer, sizes, mismatch, .. }) => self
                .listing
                .line(&format!("{start}  WRONG at {sizes}:\n    {}", mismatch_text(buffer, mismatch))),
            Err(CheckError::Shader(error)) => self.listing.line(&format!("{start}  REFUSED:\n    {error}")),
            Err(error) => self.listing.line(&format!("{start}  WRONG:\n    {error}")),
        }
    }

    fn network(&mut self, check: &NetworkCheck) -> io::Result<()> {
        let start = format!("{:<width$}", check.name, width = NAME + 7);
        match &check.verdict {
            Verdict::Right(worst) => self.listing.line(&format!("{start} {:.3}", worst.share)),
            Verdict::Wrong(difference) => self.listing.line(&format!("{start} WRONG:\n    {difference}")),
            Verdict::Refused(error) => self.listing.line(&format!("{start} REFUSED:\n    {error}")),
            Verdict::NotMade(_) => Ok(()),
        }
    }

    fn end(&mut self, end: &CheckEnd) -> io::Result<()> {
        if self.edited {
            self.listing.line("* edited")?;
        }
        self.listing.line("")?;
        for (name, why) in &end.not_checked {
            self.listing.line(&format!("not checked: {name}: {why}"))?;
        }
        let [compiling, checking] = [end.compiling, end.checking].map(|time: Duration| time.as_secs_f64());
        self.listing.line(&format!(
            "the driver compiled for {compiling:.1} s, everything else took {checking:.1} s"
        ))?;
        let CheckEnd { compared, wrong, refused, .. } = end;
        self.listing.line(&match (wrong.len(), refused.len()) {
            (0, 0) if *compared == 0 => "nothing checked".into(),
            (0, 0) => format!("{compared} checked, all right"),
            (wrong, refused) => format!("{compared} checked, {wrong} wrong, {refused} refused"),
        })
    }
}

fn nearest((Nearest { buffer, worst }, _): &(Nearest, Sizes)) -> String {
    if worst.share == 0.0 {
        return "exact".into();
    }
    format!("{:.3} at {buffer}[{}]", worst.share, worst.index)
}

struct CheckJson(Listing);

impl Observer for CheckJson {
    fn kernel(&mut self, kernel: &'static str, check: &SourceCheck) -> io::Result<()> {
        let mut object = json!({
            "event": "kernel",
            "kernel": kernel,
            "source": check.source.name,
            "edited": check.edited,
            "cases": check.cases,
            "compile_s": check.compiling.as_secs_f64(),
            "not_checked": check.not_checked(),
            "not_served": check.not_served,
        });
        let nearest = check.outcome.as_ref().ok().and_then(Option::as_ref);
        object["share"] = nearest.map(|(nearest, _)| nearest.worst.share).into();
        object["buffer"] = nearest.map(|(nearest, _)| nearest.buffer).into();
        object["index"] = nearest.map(|(nearest, _)| nearest.worst.index).into();
        object["sizes"] = json!(nearest.map(|(_, sizes)| sizes));
        let (wrong, refused) = match &check.outcome {
            Ok(_) => (Value::Null, Value::Null),
            Err(CheckError::Wrong { buffer, sizes, mismatch, .. }) => {
                (wrong_json(buffer, sizes, mismatch), Value::Null)
            }
            Err(CheckError::Shader(error)) => (Value::Null, error.to_string().into()),
            Err(error) => (json!({"message": error.to_string()}), Value::Null),
        };
        (object["wrong"], object["refused"]) = (wrong, refused);
        self.0.json(&object)
    }

    fn network(&mut self, check: &NetworkCheck) -> io::Result<()> {
        let (mut share, mut wrong, mut refused, mut not_checked) = (None, None, None, None);
        match &check.verdict {
            Verdict::Right(worst) => share = Some(worst.share),
            Verdict::Wrong(difference) => wrong = Some(difference),
            Verdict::Refused(error) => refused = Some(error.to_string()),
            Verdict::NotMade(why) => not_checked = Some(why),
        }
        self.0.json(&json!({
            "event": "network",
            "name": check.name,
            "share": share,
            "wrong": wrong,
            "refused": refused,
            "not_checked": not_checked,
            "compile_s": check.compiling.as_secs_f64(),
        }))
    }

    fn end(&mut self, end: &CheckEnd) -> io::Result<()> {
        let pair = |(name, why): &(String, String)| json!({"name": name, "why": why});
        self.0.json(&json!({
            "event": "check-end",
            "checked": end.compared,
            "wrong": end.wrong,
            "refused": end.refused,
            "not_checked": end.not_checked.iter().map(pair).collect::<Vec<_>>(),
            "compile_s": end.compiling.as_secs_f64(),
            "check_s": end.checking.as_secs_f64(),
        }))
    }
}

fn wrong_json(buffer: &str, sizes: &Sizes, mismatch: &Mismatch) -> Value {
    let mut object = json!({"buffer": buffer, "sizes": sizes, "message": mismatch.to_string()});
    match mismatch {
        Mismatch::Output(Difference::Element { index, found, expected, bound }) => {
            object["index"] = (*index).into();
            // JSON has no NaN and no infinity: they are text.
            object["found"] = if found.is_finite() { json!(found) } else { json!(found.to_string()) };
            object["expected"] = json!(expected);
            object["bound"] = json!(bound);
        }
        Mismatch::Input { index } => object["index"] = (*index).into(),
        Mismatch::Output(_) | Mismatch::Beside => {}
    }
    object
}
