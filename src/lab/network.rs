//! A small network against the twins: its gradients, some iterations, and how many samples every sum saw.

use std::sync::Arc;

use super::LabError;
use crate::{
    clock::{Duration, Instant},
    compare::{Expected, Worst},
    data::{Dataset, Samples},
    gpu::{Device, ShaderError},
    kernels::{DeviceProfile, Random, Shaders},
    net::{Init, Layout, Parameters, Shape},
    plan::{PlanError, PlanKind, PlanRequest, choose},
    recipe::{Optimizer, Recipe},
    reference::{CpuEngine, backward, forward, mean_gradient, scale_pixels, softmax_cross_entropy},
    train::{Engine, GpuEngine, Prepared, TrainError, follow},
};

/// Pictures of the check: no power of 2, and padded by every kernel.
const PICTURE: (usize, usize) = (7, 5);
const SAMPLES: usize = 613;
const CLASSES: usize = 7;
/// Iterations that are compared.
const ITERATIONS: usize = 20;
const SEED: u64 = 5;
const RATE: f64 = 0.1;
/// How far an element of a gradient may be off, as a part of the largest one of its tensor.
const GRADIENT_BOUND: f64 = 1e-5;

/// One comparison of a whole network.
pub struct NetworkCheck {
    /// What was compared, such as `20 iterations, layerwise`.
    pub name: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What the driver took to compile its kernels.
    pub compiling: Duration,
}

/// What came of a comparison.
pub enum Verdict {
    /// Right: the element that comes nearest to its bound.
    Right(Worst),
    /// The first difference.
    Wrong(String),
    /// A shader does not fit.
    Refused(ShaderError),
    /// Why it was not made.
    NotMade(String),
}

/// The element that comes nearest to its bound, or the first difference.
type Compared = Result<Worst, String>;
/// Compares an engine that starts from some parameters with the twins.
type Compare = fn(&Network, &mut GpuEngine, &Arc<Dataset>, Parameters) -> Result<Compared, TrainError>;

/// What is compared.
struct Network {
    name: &'static str,
    kind: PlanKind,
    hidden: &'static [usize],
    recipe: Recipe,
    compare: Compare,
}

fn networks() -> [Network; 5] {
    let plain = Recipe::gradient_descent(RATE);
    // Plain gradient descent of the fused plan keeps no gradients.
    let momentum = Recipe { optimizer: Optimizer::Momentum, ..plain };
    let batches = Recipe { batch: Some(100), shift: true, ..momentum };
    let (fused, layerwise) = (PlanKind::Fused, PlanKind::Layerwise);
    let network = |name, kind, hidden, recipe, compare| Network { name, kind, hidden, recipe, compare };
    [
        network("gradients, fused plan", fused, &[5], momentum, gradients),
        network("gradients, layerwise plan", layerwise, &[12, 9], momentum, gradients),
        network("20 iterations, fused plan", fused, &[5], plain, iterations),
        network("20 iterations, layerwise plan", layerwise, &[12, 9], plain, iterations),
        network("20 mini-batches, momentum, shifted images", layerwise, &[12, 9], batches, iterations),
    ]
}

/// Compares, one after the other.
///
/// # Errors
/// If the device is lost.
pub(super) fn checks<'a>(
    device: &'a Arc<Device>,
    shaders: &'a Shaders,
) -> impl Iterator<Item = Result<NetworkCheck, LabError>> + 'a {
    let data = Arc::new(data());
    networks().into_iter().map(move |network| network.check(device, shaders, &data))
}

impl Network {
    fn check(
        &self,
        device: &Arc<Device>,
        shaders: &Shaders,
        data: &Arc<Dataset>,
    ) -> Result<NetworkCheck, LabError> {
        let shape = Shape::new(data.train.inputs, self.hidden, CLASSES).expect("a small network");
        let start = Init::He.parameters(&shape, SEED);
        let request = PlanRequest::new(
            &shape,
            data.lengths(),
            PICTURE,
            &self.recipe,
            DeviceProfile::of(device.adapter()),
        );
        let opening = Instant::now();
        let engine = self.engine(device, shaders, &request, data, &start);
        let compiling = opening.elapsed();
        let compared = engine.and_then(|mut engine| (self.compare)(self, &mut engine, data, start));
        let verdict = match compared {
            Ok(Ok(worst)) => Verdict::Right(worst),
            Ok(Err(difference)) => Verdict::Wrong(difference),
            Err(TrainError::Plan(PlanError::Shader(error))) => Verdict::Refused(error),
            Err(TrainError::Plan(PlanError::NotServed(why))) => {
                Verdict::NotMade(format!("the {} plan {why}", self.kind))
            }
            Err(error) => return Err(error.into()),
        };
        Ok(NetworkCheck { name: self.name.into(), verdict, compiling })
    }

    /// All networks share the device, and so what it has compiled.
    fn engine(
        &self,
        device: &Arc<Device>,
        shaders: &Shaders,
        request: &PlanRequest,
        data: &Dataset,
        start: &Parameters,
    ) -> Result<GpuEngine, TrainError> {
        let plan = choose(Some(self.kind), request, shaders)?;
        Prepared::on(device.clone(), shaders, request, plan)?.start(shaders, data, start)
    }
}

fn iterations(
    network: &Network,
    engine: &mut GpuEngine,
    data: &Arc<Dataset>,
    start: Parameters,
) -> Result<Compared, TrainError> {
    let twin = CpuEngine::<f64>::new(data.clone(), start.map(f64::from), &network.recipe);
    follow(engine, twin, ITERATIONS)
}

/// The mean gradient of every parameter after one iteration.
fn gradients(
    network: &Network,
    engine: &mut GpuEngine,
    data: &Arc<Dataset>,
    start: Parameters,
) -> Result<Compared, TrainError> {
    engine.iterate(1)?;
    engine.drain(0)?;
    let bytes = engine.device().read(&[engine.buffers().slice(engine.plan().gradients)])?;
    let flat: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes[0]);
    let shape = &engine.plan().shape;
    let found = Layout::new(shape).unpack(&flat, shape);

    let expected = twin_gradients(network, data, &start.map(f64::from));
    let compared = expected.check(&found.values().map(f64::from).collect::<Vec<_>>());
    Ok(compared.map_err(|difference| format!("gradients: {difference}")))
}

fn twin_gradients(network: &Network, data: &Dataset, start: &Parameters<f64>) -> Expected {
    let Recipe { activation, smoothing, .. } = network.recipe;
    let activations = forward(start, scale_pixels(data.train.matrix()), activation);
    let head = softmax_cross_entropy(activations.logits().view(), &data.train.labels, smoothing);
    let sums = backward(start, &activations, head.dz, activation);
    let samples = data.train.len();
    let mut expected = Expected { values: Vec::new(), bounds: Vec::new() };
    for layer in &sums.layers {
        let weight = mean_gradient(layer.weight.view(), samples).into_iter().collect::<Vec<_>>();
        for values in [weight, mean_gradient(layer.bias.view(), samples).to_vec()] {
            let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
            expected.bounds.extend(values.iter().map(|_| GRADIENT_BOUND * largest));
            expected.values.extend(values);
        }
    }
    expected
}

/// Noise that is brighter in a place that the label chooses: easy to learn.
fn data() -> Dataset {
    let inputs = PICTURE.0 * PICTURE.1;
    let mut random = Random::new(SEED);
    let mut samples = |len: usize| {
        let (mut pixels, mut labels) = (Vec::with_capacity(len * inputs), Vec::with_capacity(len));
        for _ in 0..len {
            let label = random.below(CLASSES) as usize;
            labels.push(label as u16);
            let bright = |pixel: usize| if pixel * CLASSES / inputs == label { 127 } else { 0 };
            pixels.extend((0..inputs).map(|pixel| random.below(128) as u8 + bright(pixel)));
        }
        Samples { pixels, labels, inputs }
    };
    let (train, test) = (samples(SAMPLES), samples(CLASSES));
    Dataset { train, val: None, test, rows: PICTURE.0, cols: PICTURE.1, classes: CLASSES }
}
