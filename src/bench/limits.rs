//! What this device does at most for WGSL: bytes of a copy, multiply-adds in registers.

use super::{BenchError, Row, Setup, timing::Stopwatch, verify};
use crate::{
    gpu::{Device, Dispatch, Element, Resource},
    kernels::{Overrides, Shaders, Sizes, entry},
};

/// Numbers that are copied: 64 MiB there and 64 MiB here, more than most caches hold.
const COPIED: usize = 16 << 20;
/// Steps of a chain of multiply-adds: beside so many, what it takes to load and store it is nothing, on
/// software drivers either, where that costs as much as hundreds.
const STEPS: usize = 4096;
/// Numbers that chains start from: the first of these that take `LONG`. The most are 700,000
/// invocations.
const CHAINS: [usize; 4] = [1 << 17, 1 << 19, 1 << 21, 1 << 23];
/// Seconds of a dispatch that is long beside its start and its end, where not every core has work.
const LONG: f64 = 0.01;
/// Elements to verify at; the tail of a workgroup is among them.
const VERIFIED: usize = 16_388;

/// The kernels that measure limits.
pub(super) const KERNELS: [&str; 2] = ["copy", "multiply_add"];

/// What was measured, where it was right.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Floating-point operations a second, by multiply_add.
    pub flops: Option<f64>,
    /// Bytes a second, read and written together, by copy.
    pub bytes: Option<f64>,
}

/// Measures both limits, and lets the stopwatch compare its clocks on the copy.
///
/// # Errors
/// What the device or a shader met.
pub(super) fn measure(setup: &Setup, stopwatch: &mut Stopwatch) -> Result<(Vec<Row>, Limits), BenchError> {
    let copy = copy(setup, stopwatch)?;
    let chains = multiply_add(setup, stopwatch)?;
    let limits = Limits { flops: chains.flops(), bytes: copy.bytes() };
    Ok((vec![copy, chains], limits))
}

fn copy(setup: &Setup, stopwatch: &mut Stopwatch) -> Result<Row, BenchError> {
    let sizes = Sizes { n: fitting(stopwatch.device, COPIED), ..Sizes::default() };
    let dispatch = dispatch(stopwatch.device, setup.shaders, "copy", &[sizes])?.remove(0);
    stopwatch.check(&dispatch, &|_| {})?;
    row(setup, stopwatch, "copy", sizes, &dispatch)
}

fn multiply_add(setup: &Setup, stopwatch: &mut Stopwatch) -> Result<Row, BenchError> {
    let sizes = CHAINS.map(|n| Sizes { k: STEPS, n: fitting(stopwatch.device, n), ..Sizes::default() });
    let dispatches = dispatch(stopwatch.device, setup.shaders, "multiply_add", &sizes)?;
    let mut long = 0;
    while long + 1 < CHAINS.len() && stopwatch.once(&dispatches[long])? < stopwatch.target().max(LONG) {
        long += 1;
    }
    row(setup, stopwatch, "multiply_add", sizes[long], &dispatches[long])
}

fn row(
    setup: &Setup,
    stopwatch: &mut Stopwatch,
    name: &'static str,
    sizes: Sizes,
    dispatch: &Dispatch,
) -> Result<Row, BenchError> {
    let verified = Sizes { n: sizes.n.min(VERIFIED), ..sizes };
    let wrong = verify::kernel(stopwatch.device, setup.shaders, (name, name), verified)?;
    let bytes = 2 * 4 * sizes.n as u64; // x is read, y is written
    let mut row = Row::new((name, name), sizes, bytes, verified, wrong);
    row.measure(stopwatch, dispatch)?;
    Ok(row)
}

/// As many numbers as a kernel may see at once, `most` at the most.
fn fitting(device: &Device, most: usize) -> usize {
    most.min(device.max_binding() as usize / 16 * 4)
}

/// The kernel called `name` on one pair of buffers, at each of `sizes`. The source is no buffer of zeros:
/// some drivers keep no memory for those.
fn dispatch(
    device: &Device,
    shaders: &Shaders,
    name: &str,
    sizes: &[Sizes],
) -> Result<Vec<Dispatch>, BenchError> {
    let shader = shaders.get(name, &Sizes::default())?;
    let len = sizes.iter().map(|s| s.n).max().unwrap_or(0);
    let numbers: Vec<f32> = (0..len).map(|i| (i % 8191) as f32 / 8191.0).collect();
    let x = device.upload("x", Element::F32, bytemuck::cast_slice(&numbers))?;
    let y = device.zeros("y", Element::F32, len)?;
    let bind = |sizes: &Sizes| {
        let file = &shader.interface;
        let invocations = (entry(name).invocations)(sizes, file)?;
        let values = Overrides::default().values(sizes, file);
        let values: Vec<_> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let kernel = device.kernel(name, &shader, &values)?;
        let dispatch =
            kernel.dispatch(device, invocations as u64, |binding| match binding.name.as_str() {
                "x" => Ok(Resource::Buffer(x.all())),
                "y" => Ok(Resource::Buffer(y.all())),
                other => {
                    Err(file.error(format!("no buffer is called `{other}`; at this place there are x, y")))
                }
            })?;
        Ok(dispatch)
    };
    sizes.iter().map(bind).collect()
}
