//! Checks the texts of a kernel, each against the CPU twin, at the sizes of a depth.

use super::{
    Case, CheckError, Depth, DeviceProfile, Entry, Interfaces, Nearest, Overrides, REGISTRY, Random, Shaders,
    Sizes, Source, Trial, check_contract,
};
use crate::{
    clock::Duration,
    gpu::{Adapter, Device, DeviceError, Needs, Shader, ShaderError},
};

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
    /// Sizes that it was compared at. None: this device does not run it, or it serves none of them.
    pub cases: Vec<Sizes>,
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
        match (&self.outcome, self.cases.is_empty(), self.source.needs) {
            (Ok(_), true, "") => Some("serves none of these sizes here".into()),
            (Ok(_), true, needs) => Some(format!("needs {needs}")),
            _ => None,
        }
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
        for (seed, shape) in entry.shapes.of(depth) {
            // One case for all sources that take the same sizes: the twin takes longer than the kernel.
            let mut case: Option<Case> = None;
            for check in &mut checks {
                let ways = self.ways(check.source, &shape);
                if ways.is_empty() {
                    check.not_served.push(shape);
                }
                for sizes in ways {
                    if check.outcome.is_err() {
                        break;
                    }
                    let known = case.take().filter(|case| case.sizes == sizes);
                    let known = known.unwrap_or_else(|| (entry.case)(sizes, &mut Random::new(seed)));
                    check.add(self.one(entry, check.source, &known, check.cases.is_empty()), sizes)?;
                    case = Some(known);
                }
            }
        }
        Ok(checks)
    }

    fn start(&self, source: &'static Source) -> SourceCheck {
        let edited = self.shaders.is_edited_anywhere(source);
        let outcome = Ok(None);
        SourceCheck { source, edited, cases: vec![], not_served: vec![], outcome, compiling: Duration::ZERO }
    }

    /// The sizes that a source takes for a shape on this device, each once.
    fn ways(&self, source: &Source, shape: &Sizes) -> Vec<Sizes> {
        let mut ways = Vec::new();
        for sizes in self.profiles.iter().filter_map(|profile| (source.runs_on)(profile, shape)) {
            if !ways.contains(&sizes) {
                ways.push(sizes);
            }
        }
        ways
    }

    fn one(
        &self,
        entry: &'static Entry,
        source: &Source,
        case: &Case,
        control: bool,
    ) -> Result<(Nearest, Duration), CheckError> {
        let shader = self.shaders.get(source.name, &case.sizes)?;
        if shader.edited {
            let built_in = self.built_in.get(source.name, &case.sizes)?;
            let values = case.override_values(&shader);
            check_contract(
                entry,
                &case.sizes,
                &values,
                (&shader, &built_in),
                self.device.adapter(),
                |name| case.bytes(name),
            )?;
        }
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

impl SourceCheck {
    /// Takes in the result of a case.
    fn add(
        &mut self,
        result: Result<(Nearest, Duration), CheckError>,
        sizes: Sizes,
    ) -> Result<(), DeviceError> {
        self.cases.push(sizes);
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
    for entry in REGISTRY {
        for source in entry.sources.iter().filter(|source| shaders.is_edited_anywhere(source)) {
            let ways = |(_, shape): (u64, Sizes)| {
                profiles.iter().filter_map(move |profile| (source.runs_on)(profile, &shape))
            };
            for sizes in entry.shapes.of(Depth::Tiny).into_iter().flat_map(ways) {
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
