//! Checks the texts of a kernel, each against the CPU twin, at the sizes of a depth.

use std::sync::Arc;

use rayon::prelude::*;

use super::{
    Case, CheckError, Depth, DeviceProfile, Entry, Interfaces, Nearest, Overrides, Random, Shaders, Sizes,
    Source, Trial, check_contract, kernels_and_sources,
};
use crate::{
    clock::{Duration, Instant},
    gpu::{Adapter, Device, DeviceError, Needs, Shader, ShaderError},
};

/// A source at the sizes of a case: their places in the lists of both.
struct Run {
    check: usize,
    case: usize,
}

/// Checks kernels on one device.
pub struct Checker<'a> {
    device: &'a Device,
    shaders: &'a Shaders,
    built_in: Shaders,
    profiles: Vec<DeviceProfile>,
    on_run: OnRun<'a>,
}

/// Hears when a kernel begins to run (true), and when it has run (false): one that is edited may never end.
pub type OnRun<'a> = Box<dyn Fn(bool) + 'a>;

/// What the check of a source has shown.
pub struct SourceCheck {
    /// The source.
    pub source: &'static Source,
    /// Whether its text differs from the program's.
    pub edited: bool,
    /// At how many sizes it was compared: 0 if this device does not run it, or it serves none of the sizes.
    pub cases: usize,
    /// Sizes that it does not serve here.
    pub not_served: Vec<Sizes>,
    /// The element that came nearest to its bound, and its sizes; or the first thing that is wrong.
    pub outcome: Result<Option<(Nearest, Sizes)>, CheckError>,
    /// What the driver took to compile it.
    pub compiling: Duration,
}

impl SourceCheck {
    /// Why the source was not compared at all, if so.
    pub fn not_checked(&self) -> Option<String> {
        (self.outcome.is_ok() && self.cases == 0).then(|| self.source.why_no_way())
    }
}

impl<'a> Checker<'a> {
    /// Checks with `shaders` on `device` in the ways of `profiles`.
    ///
    /// # Errors
    /// [`ShaderError`] if a built-in shader is not valid.
    pub fn new(
        device: &'a Device,
        shaders: &'a Shaders,
        profiles: Vec<DeviceProfile>,
    ) -> Result<Self, ShaderError> {
        Ok(Checker { device, shaders, built_in: Shaders::load(None)?, profiles, on_run: Box::new(|_| {}) })
    }

    /// The same, and `on_run` hears of each run.
    pub fn heard_by(self, on_run: OnRun<'a>) -> Self {
        Checker { on_run, ..self }
    }

    /// Compares those sources of a kernel that `wanted` picks. A source that is wrong at some sizes is not compared
    /// at those after them.
    ///
    /// # Errors
    /// If the device is lost; what is wrong with a source is its outcome.
    pub fn kernel(
        &self,
        entry: &'static Entry,
        depth: Depth,
        wanted: impl Fn(&Source) -> bool,
    ) -> Result<Vec<SourceCheck>, DeviceError> {
        let sources = entry.sources.iter().filter(|source| wanted(source));
        let mut checks: Vec<_> = sources.map(|source| self.start(source)).collect();
        let (cases, runs) = self.cases(entry, depth, &mut checks);
        self.compile(entry, &cases, &runs, &mut checks);
        for &Run { check, case } in &runs {
            let (check, case) = (&mut checks[check], &cases[case]);
            if check.outcome.is_ok() {
                let result = self.one(entry, check.source, case, check.cases == 0);
                check.add(result, case.sizes)?;
            }
        }
        Ok(checks)
    }

    /// The cases of a depth, and which of them each source runs. One case serves all sources that take the same
    /// sizes: the twins take longer than the kernels.
    fn cases(
        &self,
        entry: &'static Entry,
        depth: Depth,
        checks: &mut [SourceCheck],
    ) -> (Vec<Case>, Vec<Run>) {
        let (mut wanted, mut runs) = (Vec::new(), Vec::new());
        for (seed, shape) in entry.shapes.of(depth) {
            for (check, found) in checks.iter_mut().enumerate() {
                let ways = found.source.ways(&self.profiles, &shape);
                if ways.is_empty() {
                    found.not_served.push(shape);
                }
                for sizes in ways {
                    let known = wanted.iter().position(|known| *known == (seed, sizes));
                    let case = known.unwrap_or_else(|| {
                        wanted.push((seed, sizes));
                        wanted.len() - 1
                    });
                    runs.push(Run { check, case });
                }
            }
        }
        let case = |&(seed, sizes): &(u64, Sizes)| (entry.case)(sizes, &mut Random::new(seed));
        (wanted.par_iter().map(case).collect(), runs)
    }

    /// Compiles all kernels side by side; the device keeps them. What is refused fails when it is run.
    fn compile(&self, entry: &'static Entry, cases: &[Case], runs: &[Run], checks: &mut [SourceCheck]) {
        let (device, shaders, built_in) = (self.device, self.shaders, &self.built_in);
        let sources: Vec<_> = checks.iter().map(|check| check.source).collect();
        let start = Instant::now();
        let each: Vec<Duration> = runs
            .par_iter()
            .map(|run| {
                let start = Instant::now();
                let case = &cases[run.case];
                if let Ok(shader) = fitting((device, shaders, built_in), entry, sources[run.check], case) {
                    let _ = device.kernel(entry.name, &shader, &case.override_values(&shader));
                }
                start.elapsed()
            })
            .collect();
        // As they ran side by side, each has its share of the time that went by.
        let share =
            start.elapsed().div_duration_f64(each.iter().sum::<Duration>().max(Duration::from_nanos(1)));
        for (run, took) in runs.iter().zip(each) {
            checks[run.check].compiling += took.mul_f64(share.min(1.0));
        }
    }

    fn start(&self, source: &'static Source) -> SourceCheck {
        let edited = self.shaders.is_edited_anywhere(source);
        let outcome = Ok(None);
        SourceCheck { source, edited, cases: 0, not_served: vec![], outcome, compiling: Duration::ZERO }
    }

    fn one(
        &self,
        entry: &'static Entry,
        source: &Source,
        case: &Case,
        control: bool,
    ) -> Result<(Nearest, Duration), CheckError> {
        let shader = fitting((self.device, self.shaders, &self.built_in), entry, source, case)?;
        let trial = Trial::new(self.device, entry, &shader, case)?;
        if control {
            trial.control()?;
        }
        (self.on_run)(true);
        let nearest = trial.run();
        (self.on_run)(false);
        Ok((nearest?, trial.compiling))
    }
}

/// The shader of a case, if it keeps to the contract: no driver sees one that does not.
fn fitting(
    (device, shaders, built_in): (&Device, &Shaders, &Shaders),
    entry: &Entry,
    source: &Source,
    case: &Case,
) -> Result<Arc<Shader>, ShaderError> {
    let shader = shaders.get(source.name, &case.sizes)?;
    if shader.edited {
        let built_in = built_in.get(source.name, &case.sizes)?;
        let values = case.override_values(&shader);
        let adapter = device.adapter();
        check_contract(entry, &case.sizes, &values, (&shader, &built_in), adapter, |name| case.bytes(name))?;
    }
    Ok(shader)
}

impl SourceCheck {
    /// Takes in the result of a case.
    fn add(
        &mut self,
        result: Result<(Nearest, Duration), CheckError>,
        sizes: Sizes,
    ) -> Result<(), DeviceError> {
        self.cases += 1;
        match result {
            Ok((nearest, compiling)) => {
                self.compiling += compiling;
                let share =
                    |found: &Option<(Nearest, Sizes)>| found.as_ref().map(|(known, _)| known.worst.share);
                if let Ok(found) = &mut self.outcome
                    && share(found).is_none_or(|share| nearest.worst.share > share)
                {
                    *found = Some((nearest, sizes));
                }
            }
            Err(CheckError::Device(error)) => return Err(error),
            Err(error) => self.outcome = Err(error),
        }
        Ok(())
    }
}

/// What a device must be opened with for the edited shaders, beside what WebGPU guarantees. A shader that `adapter`
/// cannot run is left out: its check says why.
pub fn needs_of_edited(adapter: &Adapter, shaders: &Shaders) -> Needs {
    let profiles = DeviceProfile::every(adapter);
    let mut needs = Needs::default();
    for (entry, source) in kernels_and_sources().filter(|(_, source)| shaders.is_edited_anywhere(source)) {
        for (_, shape) in entry.shapes.of(Depth::Tiny) {
            for sizes in source.ways(&profiles, &shape) {
                if let Ok(shader) = shaders.get(source.name, &sizes) {
                    add_needs(&mut needs, &shader, &sizes, adapter);
                }
            }
        }
    }
    needs
}

fn add_needs(needs: &mut Needs, shader: &Shader, sizes: &Sizes, adapter: &Adapter) {
    let values = Overrides::default().named_values(sizes, &shader.interface);
    if let Ok(workgroup) = shader.workgroup(&values)
        && shader.check_limits(workgroup, adapter).is_ok()
    {
        needs.f16 |= shader.uses_f16;
        needs.kernel(&shader.interface, workgroup);
    }
}
