//! What a driver takes to compile the kernels of a training: time and memory, for each variant that the
//! adapter can run, whether or not a plan would choose it.
//!
//! A driver keeps what it has compiled, and a process keeps its largest memory, so each job must run in a
//! process of its own: [`compile`] is what that process does, [`outcome`] starts it and reads its result.

use std::{collections::BTreeSet, fmt, fs, process};

use serde::{Deserialize, Serialize};

use super::{INIT, SEED, request};
use crate::{
    clock::Instant,
    data::{Dataset, Samples, Split},
    gpu::{Adapter, Device},
    kernels::{DeviceProfile, Shaders, Sizes, fused::FusedStep},
    net::{Shape, ShapeError},
    plan::{Buffers, PassId, PlanError, PlanKind, Program, choose},
};

/// A picture of MNIST.
const PICTURE: (usize, usize) = (28, 28);
const INPUTS: usize = PICTURE.0 * PICTURE.1;
/// Classes of MNIST.
const CLASSES: usize = 10;
/// Hidden units of the default network.
const HIDDEN: usize = 10;
/// So few that computing takes no time beside compiling.
const IMAGES: usize = 64;
/// No disk caches of compiled shaders, neither Mesa's nor NVIDIA's.
const NO_CACHES: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "1"), ("__GL_SHADER_DISK_CACHE", "0")];

/// What one process compiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompileJob {
    /// The plan.
    pub kind: PlanKind,
    /// The device, as far as it decides the files.
    pub profile: DeviceProfile,
    /// Units of the one hidden layer.
    pub hidden: usize,
}

/// What compiling took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// From the open device to the end of an iteration and an evaluation of 64 images.
    pub seconds: f64,
    /// The most memory that the process had, in MB; `None` if the system does not report it.
    pub memory_mb: Option<f64>,
    /// The same when the device was open and nothing compiled.
    pub before_mb: Option<f64>,
}

/// Every variant of the fused plan that the adapter can run, for the default network and for the widest one
/// that the variant serves; then the layerwise plan.
pub fn compile_jobs(adapter: &Adapter) -> Vec<CompileJob> {
    let of_profile = |profile: DeviceProfile| {
        let widths = profile.fused_step.map_or(Vec::new(), widths);
        widths.into_iter().map(move |hidden| CompileJob { kind: PlanKind::Fused, profile, hidden })
    };
    let fused = DeviceProfile::every(adapter).into_iter().flat_map(of_profile);
    let profile = DeviceProfile::of(adapter);
    fused.chain([CompileJob { kind: PlanKind::Layerwise, profile, hidden: HIDDEN }]).collect()
}

/// The hidden units to compile a variant for. If a lane owns two words, the default network already takes
/// all its registers.
fn widths(variant: FusedStep) -> Vec<usize> {
    match variant.max_hidden(INPUTS, CLASSES) {
        0 => Vec::new(),
        widest if widest > HIDDEN && words(variant) == 1 => vec![HIDDEN, widest],
        widest => vec![HIDDEN.min(widest)],
    }
}

/// Words of 4 pixels that a lane owns.
fn words(variant: FusedStep) -> usize {
    variant.at(Sizes::default()).words
}

/// Compiles the kernels of a job, then runs one iteration and one evaluation: some drivers compile at the
/// first dispatch. To be called in a process that has compiled nothing else.
///
/// # Errors
/// [`PlanError`] with what the plan, the device or a shader met.
pub fn compile(adapter: &Adapter, shaders: &Shaders, job: &CompileJob) -> Result<Compiled, PlanError> {
    let (data, shape) = (images(), job.shape().expect("a few units are a valid network"));
    let request = request(&shape, &data, job.profile, &BTreeSet::new());
    let passes = [PassId::Iterate, PassId::Evaluate(Split::Test)];
    let plan = choose(Some(job.kind), &request, shaders)?.keep(|pass| passes.contains(&pass));
    let device = Device::open(adapter, &plan.check(adapter, shaders)?)?;
    let (before_mb, start) = (peak_memory(), Instant::now());
    let buffers = Buffers::allocate(&device, &plan, &data, &INIT.parameters(&shape, SEED))?;
    let program = Program::compile(&device, &plan, shaders, &buffers)?;
    for pass in passes {
        device.wait(&device.submit(program.pass(pass), 1))?;
    }
    Ok(Compiled { seconds: start.elapsed().as_secs_f64(), memory_mb: peak_memory(), before_mb })
}

/// Runs a process that prints [`Compiled`] as JSON, without caches of compiled shaders; or how it failed.
///
/// # Errors
/// The exit status and what the process wrote to standard error, or that it printed something else.
pub fn outcome(process: &mut process::Command) -> Result<Compiled, String> {
    let output = process.envs(NO_CACHES).output().map_err(|error| format!("cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("printed no result: {error}"))
}

impl CompileJob {
    /// The registered source that decides how long it takes; `None` for the layerwise plan, which has many.
    pub fn source(&self) -> Option<&'static str> {
        self.variant().map(FusedStep::file)
    }

    /// Lanes that work as one, if the variant has them.
    pub fn lanes(&self) -> Option<usize> {
        self.variant().map(FusedStep::lanes)
    }

    /// Words of 4 pixels that a lane owns; `None` if a lane owns all that it can.
    pub fn words(&self) -> Option<usize> {
        self.variant().filter(|variant| !matches!(variant, FusedStep::SmallSubgroups(_))).map(words)
    }

    fn variant(&self) -> Option<FusedStep> {
        self.profile.fused_step.filter(|_| self.kind == PlanKind::Fused)
    }

    fn shape(&self) -> Result<Shape, ShapeError> {
        Shape::new(INPUTS, &[self.hidden], CLASSES)
    }
}

impl fmt::Display for CompileJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} units", self.source().unwrap_or(self.kind.name()), self.hidden)?;
        self.lanes().map_or(Ok(()), |lanes| write!(f, ", {lanes} lanes"))?;
        self.words().map_or(Ok(()), |words| write!(f, ", words {words}"))
    }
}

fn images() -> Dataset {
    let samples = || Samples {
        pixels: (0..IMAGES * INPUTS).map(|pixel| (pixel % 256) as u8).collect(),
        labels: (0..IMAGES).map(|image| (image % CLASSES) as u16).collect(),
        inputs: INPUTS,
    };
    let (rows, cols) = PICTURE;
    Dataset { train: samples(), val: None, test: samples(), rows, cols, classes: CLASSES }
}

/// The most memory that this process has had, in MB, where the system has a file that says so (Linux).
fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"))?;
    Some(kib.trim().parse::<f64>().ok()? * 1.024e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(kind: PlanKind, variant: FusedStep) -> CompileJob {
        let profile = DeviceProfile { fused_step: Some(variant), ..DeviceProfile::default() };
        CompileJob { kind, profile, hidden: HIDDEN }
    }

    #[test]
    fn a_job_says_what_it_compiles() {
        let subgroups = FusedStep::Subgroups { lanes: 16, words: 2 };
        for (kind, variant, expected) in [
            (PlanKind::Fused, subgroups, "fused_step.subgroups for 10 units, 16 lanes, words 2"),
            (
                PlanKind::Fused,
                FusedStep::SmallSubgroups(8),
                "fused_step.small_subgroups for 10 units, 8 lanes",
            ),
            (PlanKind::Layerwise, subgroups, "layerwise for 10 units"),
        ] {
            assert_eq!(job(kind, variant).to_string(), expected);
        }
    }

    #[test]
    fn the_default_network_is_compiled_and_the_widest_if_a_lane_owns_one_word() {
        assert_eq!(widths(FusedStep::Subgroups { lanes: 16, words: 2 }), [HIDDEN]);
        let [first, widest] = widths(FusedStep::Subgroups { lanes: 16, words: 1 })[..] else {
            panic!("expected two widths")
        };
        assert_eq!((first, widest > HIDDEN), (HIDDEN, true));
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_fails_or_prints_no_result_is_an_error() {
        let run = |script: &str| outcome(process::Command::new("sh").args(["-c", script]));
        let result = "echo '{\"seconds\":1.5,\"memory_mb\":20.0,\"before_mb\":null}'";
        let expected = Compiled { seconds: 1.5, memory_mb: Some(20.0), before_mb: None };
        assert_eq!(run(result), Ok(expected));
        let cached = format!("test \"$MESA_SHADER_CACHE_DISABLE\" = 1 && {result}");
        assert_eq!(run(&cached), Ok(expected));
        let failed = run("echo broken >&2; exit 5").unwrap_err();
        assert!(failed.contains("exit status: 5") && failed.contains("broken"), "{failed}");
        assert!(run("echo nothing").unwrap_err().starts_with("printed no result"));
    }
}
