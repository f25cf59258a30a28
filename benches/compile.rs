//! What the best adapter's driver takes to compile the kernels of a training: those of each variant of the
//! fused plan that it can run, whether or not the program would choose it, for the default network and for the
//! widest that the variant serves, and those of the layerwise plan. Each in a process of its own, without a shader cache and
//! on few images. The time is that from the open device to the end of one iteration and one evaluation; the
//! memory is the process's largest, with what the open device took of it (on Linux).
//!
//!     cargo bench --bench compile

use std::{
    env,
    error::Error,
    fmt, fs,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use shadegrad::{
    data::{CLASSES, Dataset, Samples, Split},
    gpu::{Adapter, Device, Wanted, choose},
    kernels::{Shaders, Sizes, fused::FusedStep},
    network::{Init, Plan, PlanKind, PlanSizes, Shape, Variants},
    recipe::Recipe,
    train::{Engine, OnGpu},
};

/// A picture of MNIST.
const PICTURE: (usize, usize) = (28, 28);
const INPUTS: usize = PICTURE.0 * PICTURE.1;
/// Hidden units of the default network.
const HIDDEN: usize = 10;
const IMAGES: usize = 64;
/// Without the disk caches of compiled shaders, Mesa's and NVIDIA's.
const COLD: [(&str, &str); 2] = [("MESA_SHADER_CACHE_DISABLE", "1"), ("__GL_SHADER_DISK_CACHE", "0")];

/// What one process compiles.
struct Job {
    kind: PlanKind,
    variants: Variants,
    hidden: usize,
}

fn main() -> ExitCode {
    // `cargo bench` adds a flag; a process for one job has its number.
    let job = env::args().nth(1).and_then(|argument| argument.parse().ok());
    match job.map_or_else(all, one) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Every job in a process of its own.
fn all() -> Result<(), Box<dyn Error>> {
    let adapter = choose(&Wanted::Best, &[])?;
    println!("{adapter}, {}", adapter.driver());
    println!("{:<28} {:>5} {:>5} {:>6}    seconds       MB   before", "kernels", "lanes", "words", "hidden");
    let (program, jobs) = (env::current_exe()?, jobs(&adapter));
    let mut failed = 0;
    for (number, job) in jobs.iter().enumerate() {
        let mut process = Command::new(&program);
        let output = process.arg(number.to_string()).envs(COLD).stderr(Stdio::inherit()).output()?;
        let found = String::from_utf8_lossy(&output.stdout);
        println!("{job} {}", if output.status.success() { found.trim_end() } else { "failed" });
        failed += usize::from(!output.status.success());
    }
    if failed > 0 { Err(format!("{failed} of {} failed", jobs.len()).into()) } else { Ok(()) }
}

/// One of the jobs, in this process.
fn one(number: usize) -> Result<(), Box<dyn Error>> {
    let adapter = choose(&Wanted::Best, &[])?;
    let Some(Job { kind, variants, hidden }) = jobs(&adapter).into_iter().nth(number) else {
        return Err(format!("there is no job {number}").into());
    };
    let shape = Shape::new(INPUTS, &[hidden], CLASSES)?;
    let (data, shaders) = (images(), Shaders::load(None)?);
    let sizes = PlanSizes::new(&shape, data.lengths(), &Recipe::gradient_descent(0.1), kind, variants);
    let device = Device::open(&adapter, &sizes.needs(&shaders)?)?;
    let (before, start) = (most_memory(), Instant::now());
    let plan = Plan::new(&device, &shaders, &sizes, &data, &Init::He.parameters(&shape, 42))?;
    let mut engine = OnGpu::new(device, plan, sizes);
    engine.iterate(1)?;
    engine.evaluate(Split::Test)?;
    println!("{:>8.2} {:>8} {before:>8}", start.elapsed().as_secs_f64(), most_memory());
    Ok(())
}

fn jobs(adapter: &Adapter) -> Vec<Job> {
    let mut jobs = Vec::new();
    for variants in Variants::every(adapter) {
        let Some(variant) = variants.fused_step else { continue };
        let most = variant.most_hidden(INPUTS, CLASSES);
        // A wide network takes all registers of a lane that owns one word.
        let widths =
            if most > HIDDEN && words(variant) == 1 { vec![HIDDEN, most] } else { vec![HIDDEN.min(most)] };
        jobs.extend(widths.into_iter().map(|hidden| Job { kind: PlanKind::Fused, variants, hidden }));
    }
    jobs.push(Job { kind: PlanKind::Layerwise, variants: Variants::of(adapter), hidden: HIDDEN });
    jobs
}

/// Words of 4 pixels that a lane owns.
fn words(variant: FusedStep) -> usize {
    variant.at(Sizes::default()).words
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, lanes, words) = match (self.kind, self.variants.fused_step) {
            (PlanKind::Fused, Some(variant)) => {
                let words = match variant {
                    FusedStep::SmallSubgroups(_) => String::new(),
                    _ => words(variant).to_string(),
                };
                (variant.file(), variant.lanes().to_string(), words)
            }
            _ => (self.kind.name(), String::new(), String::new()),
        };
        write!(f, "{name:<28} {lanes:>5} {words:>5} {:>6}", self.hidden)
    }
}

fn images() -> Dataset {
    let samples = || Samples {
        pixels: (0..IMAGES * INPUTS).map(|pixel| (pixel % 256) as u8).collect(),
        labels: (0..IMAGES).map(|image| (image % CLASSES) as u8).collect(),
        inputs: INPUTS,
    };
    let (rows, cols) = PICTURE;
    Dataset { train: samples(), val: None, test: samples(), rows, cols, classes: CLASSES }
}

/// The most memory that this process has had, in MB.
fn most_memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
    let mb = kib.and_then(|kib| kib.trim().parse::<usize>().ok()).map(|kib| kib * 1024 / 1_000_000);
    mb.map_or("?".into(), |mb| mb.to_string())
}
