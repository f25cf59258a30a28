//! Every kernel text that a device runs against its twin, then a small network.

use std::{collections::BTreeSet, io, sync::Arc};

use super::{
    LabError,
    network::{NetworkCheck, Verdict, checks},
};
use crate::{
    clock::{Duration, Instant},
    gpu::{Adapter, Device, ShaderError},
    kernels::{CheckError, Checker, Depth, DeviceProfile, REGISTRY, Shaders, SourceCheck, needs_of_edited},
};

/// What is checked, and where.
pub struct Check<'a> {
    /// The adapter.
    pub adapter: &'a Adapter,
    /// The kernels' texts.
    pub shaders: &'a Shaders,
    /// At which sizes.
    pub depth: Depth,
    /// The sources by name, and no network; `None` for everything.
    pub only: Option<BTreeSet<&'static str>>,
}

/// Hears of the results as they come.
pub trait Observer {
    /// A kernel's text.
    ///
    /// # Errors
    /// If it could not be written, as for the other methods.
    fn kernel(&mut self, kernel: &'static str, check: &SourceCheck) -> io::Result<()>;

    /// A network.
    ///
    /// # Errors
    /// As above.
    fn network(&mut self, check: &NetworkCheck) -> io::Result<()>;

    /// All of it.
    ///
    /// # Errors
    /// As above.
    fn end(&mut self, end: &CheckEnd) -> io::Result<()>;
}

/// What a check has shown.
#[derive(Default)]
pub struct CheckEnd {
    /// Texts and networks that were compared.
    pub compared: usize,
    /// Those that are wrong, by name.
    pub wrong: Vec<String>,
    /// Those that were refused.
    pub refused: Vec<String>,
    /// Why the first of them was.
    pub first_refusal: Option<ShaderError>,
    /// What was not compared, and why.
    pub not_checked: Vec<(String, String)>,
    /// What the driver took to compile.
    pub compiling: Duration,
    /// What everything else took.
    pub checking: Duration,
}

/// Checks, and goes on after what is wrong.
///
/// # Errors
/// If the adapter cannot be opened or is lost, or a result cannot be written.
pub fn run(check: &Check, observer: &mut dyn Observer) -> Result<CheckEnd, LabError> {
    let start = Instant::now();
    let mut end = CheckEnd::default();
    let needs = needs_of_edited(check.adapter, check.shaders);
    let device = Arc::new(Device::open(check.adapter, &needs)?);
    kernels(check, &device, observer, &mut end)?;
    match check.only {
        None => {
            for result in checks(&device, check.shaders) {
                let result = result?;
                observer.network(&result)?;
                end.network(result);
            }
        }
        Some(_) => end.not_checked.push(("networks".into(), "only kernels are asked for".into())),
    }
    end.checking = start.elapsed().saturating_sub(end.compiling);
    observer.end(&end)?;
    Ok(end)
}

fn kernels(
    check: &Check,
    device: &Device,
    observer: &mut dyn Observer,
    end: &mut CheckEnd,
) -> Result<(), LabError> {
    let checker = Checker::new(device, check.shaders, DeviceProfile::every(check.adapter))?;
    let wanted = |name: &str| check.only.as_ref().is_none_or(|only| only.contains(name));
    for entry in REGISTRY {
        for result in checker.kernel(entry, check.depth, |source| wanted(source.name))? {
            observer.kernel(entry.name, &result)?;
            end.kernel(result);
        }
    }
    Ok(())
}

impl CheckEnd {
    fn kernel(&mut self, check: SourceCheck) {
        let name = check.source.name;
        self.compiling += check.compiling;
        if let Some(why) = check.not_checked() {
            self.not_checked.push((name.into(), why));
            return;
        }
        self.compared += 1;
        if !check.not_served.is_empty() {
            let sizes: Vec<_> = check.not_served.iter().map(|sizes| format!("({sizes})")).collect();
            let why = format!("these sizes, which it does not serve here: {}", sizes.join(", "));
            self.not_checked.push((name.into(), why));
        }
        match check.outcome {
            Ok(_) => {}
            Err(CheckError::Shader(error)) => self.refused(name, error),
            Err(_) => self.wrong.push(name.into()),
        }
    }

    fn network(&mut self, check: NetworkCheck) {
        self.compiling += check.compiling;
        self.compared += 1;
        match check.verdict {
            Verdict::Right(_) => {}
            Verdict::Wrong(_) => self.wrong.push(check.name),
            Verdict::Refused(error) => self.refused(&check.name, error),
            Verdict::NotMade(why) => {
                self.compared -= 1;
                self.not_checked.push((check.name, why));
            }
        }
    }

    fn refused(&mut self, name: &str, error: ShaderError) {
        self.refused.push(name.into());
        self.first_refusal.get_or_insert(error);
    }
}
