//! Whole trainings on the GPU, against the f64 twin and against themselves.
//!
//! These need an adapter. Without one they fail, and the failure says how to get one.

mod batches;
mod classes;
#[path = "../common/mod.rs"]
mod common;
mod determinism;
#[path = "../common/device.rs"]
mod device;
mod goals;
#[path = "../common/not_run.rs"]
mod not_run;
mod recipes;

use std::{
    io,
    path::Path,
    sync::{Arc, LazyLock},
};

use shadegrad::{
    data::{Dataset, Split},
    kernels::{DeviceProfile, Shaders},
    metrics::Metrics,
    net::{Init, Layer, Parameters, Shape},
    plan::{self, PlanKind, PlanRequest},
    recipe::Recipe,
    reference::CpuEngine,
    train::{
        End, Engine, Figures, Goal, GpuEngine, Observer, Prepared, Reason, Report, Stop, TrainError,
        TrainOptions, train,
    },
};

use common::gpu::{self, adapter};
use device::device;
use not_run::not_run;

/// Most that a weight may differ from the f64 twin's after a whole training. Seen with the data of these
/// tests on a software Vulkan driver: at most 4e-7. A GPU's own `exp` may be coarser.
const WEIGHT_BOUND: f64 = 1e-5;
/// Most that a loss may differ, times the loss where it is above 1. Seen: at most 4e-6, on a test set of a single sample.
const LOSS_BOUND: f64 = 1e-5;
const ALPHA: f64 = 0.1;

/// The first training and test pictures of MNIST.
fn mnist(train: usize, test: usize) -> Dataset {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data"));
    let mut data = Dataset::load(folder).expect("the bundled MNIST files");
    data.train.truncate(train);
    data.test.truncate(test);
    data
}

/// Keeps all reports.
#[derive(Default)]
struct Kept(Vec<Report>);

impl Observer for Kept {
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.0.push(*report);
        Ok(())
    }

    fn progress(&mut self, _done: usize) {}
}

/// A start drawn from a seed.
fn start(data: &Dataset, hidden: &[usize]) -> (Shape, Parameters) {
    let shape = Shape::new(data.train.inputs, hidden, data.classes).expect("a shape that is supported");
    let parameters = Init::Uniform.parameters(&shape, 42);
    (shape, parameters)
}

/// The built-in shaders, parsed once for all tests.
fn shaders() -> &'static Shaders {
    static SHADERS: LazyLock<Shaders> = LazyLock::new(|| Shaders::load(None).expect("the built-in shaders"));
    &SHADERS
}

/// What a plan of some data is made for.
fn request(shape: &Shape, data: &Dataset, recipe: &Recipe, profile: DeviceProfile) -> PlanRequest {
    PlanRequest::new(shape, data.lengths(), (data.rows, data.cols), recipe, profile)
}

/// The plans that serve a network on this adapter, the fused one with each of its kernels that runs.
fn plans(shape: &Shape, data: &Dataset, recipe: &Recipe) -> Vec<(PlanKind, DeviceProfile)> {
    let serves = |&(kind, profile): &(PlanKind, DeviceProfile)| {
        plan::choose(Some(kind), &request(shape, data, recipe, profile), shaders()).is_ok()
    };
    let fused = DeviceProfile::every(&adapter()).into_iter().map(|profile| (PlanKind::Fused, profile));
    [layerwise()].into_iter().chain(fused).filter(serves).collect()
}

/// The plan that serves all.
fn layerwise() -> (PlanKind, DeviceProfile) {
    (PlanKind::Layerwise, DeviceProfile::of(&adapter()))
}

/// The same with little room for activations, on every adapter: some 1,900 rows of 128 units at once.
fn in_chunks() -> (PlanKind, DeviceProfile) {
    (PlanKind::Layerwise, DeviceProfile { activation_bytes: 4 << 20, ..DeviceProfile::of(&adapter()) })
}

/// Plain gradient descent on all samples.
fn plain() -> Recipe {
    Recipe::gradient_descent(ALPHA)
}

/// What trains on the suite's adapter, on the device that all tests share.
fn gpu_engine(
    data: &Dataset,
    (shape, parameters): &(Shape, Parameters),
    recipe: &Recipe,
    (kind, profile): (PlanKind, DeviceProfile),
) -> Result<GpuEngine, TrainError> {
    let (request, shaders) = (request(shape, data, recipe, profile), shaders());
    let plan = plan::choose(Some(kind), &request, shaders)?;
    Prepared::on(device(), shaders, &request, plan)?.start(shaders, data, parameters)
}

/// The reports and the end of a training.
fn follow(engine: &mut dyn Engine, options: &TrainOptions) -> (Vec<Report>, End) {
    let mut kept = Kept::default();
    let end = train(engine, options, &mut kept, &Stop::default());
    (kept.0, end.unwrap_or_else(|error| panic!("{error}")))
}

fn figures(end: &End) -> Figures {
    end.figures.expect("it ended by itself")
}

/// `iters` iterations, with a report every `report_every`.
fn reporting(iters: usize, report_every: usize) -> TrainOptions {
    TrainOptions { iters, report_every, goal: Goal::default() }
}

/// Trains on the best adapter with a report at every iteration.
fn on_gpu(
    data: &Dataset,
    start: &(Shape, Parameters),
    recipe: &Recipe,
    iters: usize,
    plan: (PlanKind, DeviceProfile),
) -> (Vec<Report>, End) {
    let mut engine = gpu_engine(data, start, recipe, plan).unwrap_or_else(|error| panic!("{error}"));
    follow(&mut engine, &reporting(iters, 1))
}

/// The largest difference of two networks; a NaN in either is an infinite one.
fn largest_difference(found: &Parameters, expected: &Parameters<f64>) -> f64 {
    assert_eq!(found.values().count(), expected.values().count(), "the networks' sizes");
    let differences = found.values().zip(expected.values()).map(|(f, e)| (f64::from(f) - e).abs());
    differences.fold(0.0, |largest, next| if next.is_nan() { f64::INFINITY } else { largest.max(next) })
}

/// Fails where loss, or correct predictions beyond a tie or two, are not the f64 twin's.
fn assert_metrics(what: &str, found: &Metrics, expected: &Metrics) -> f64 {
    let off = (found.loss - expected.loss).abs();
    assert!(
        off <= LOSS_BOUND * expected.loss.max(1.0),
        "{what}: loss {}, not {} (off by {off:e})",
        found.loss,
        expected.loss
    );
    assert_eq!(found.samples, expected.samples, "{what}");
    assert!(found.correct.abs_diff(expected.correct) <= 2, "{what}: {found:?}, not {expected:?}");
    off
}

/// Trains by every plan and with the f64 twin from one start, and compares every report and every weight.
fn assert_trajectory(data: &Dataset, hidden: &[usize], iters: usize) {
    let (shape, _) = start(data, hidden);
    assert_plans(data, hidden, iters, &plain(), &plans(&shape, data, &plain()));
}

/// The same with these plans.
fn assert_plans(
    data: &Dataset,
    hidden: &[usize],
    iters: usize,
    recipe: &Recipe,
    plans: &[(PlanKind, DeviceProfile)],
) {
    let start = start(data, hidden);
    let mut twin = CpuEngine::new(Arc::new(data.clone()), start.1.map(f64::from), recipe);
    let expected: Vec<[Metrics; 2]> =
        (0..iters).map(|_| [evaluated(&twin, Split::Test), twin.iterate()]).collect();
    let moved = largest_difference(&start.1, twin.parameters());
    assert!(moved > 100.0 * WEIGHT_BOUND, "{}: a training that moves by {moved:e} shows nothing", start.0);
    for &plan in plans {
        let name = match plan {
            (PlanKind::Fused, profile) => format!("{:?}", profile.fused_step),
            (PlanKind::Layerwise, _) => PlanKind::Layerwise.name().to_owned(),
        };
        let what = format!("{}, {name}, {}", start.0, recipe.optimizer.name());
        let (reports, end) = on_gpu(data, &start, recipe, iters, plan);
        assert_eq!((end.reason, end.iters, reports.len()), (Reason::Iters, iters, iters), "{what}");
        assert_like_the_twin(&what, (&reports, &end), &expected, &twin, moved);
    }
}

/// Compares a training with the twin, after it, and with what the twin found before each iteration and in it.
fn assert_like_the_twin(
    what: &str,
    (reports, end): (&[Report], &End),
    expected: &[[Metrics; 2]],
    twin: &CpuEngine<f64>,
    moved: f64,
) {
    let mut largest_loss: f64 = 0.0;
    for (report, [test, train]) in reports.iter().zip(expected) {
        let what = format!("{what}, iteration {}", report.iter);
        assert_metrics(&format!("{what}, test"), &report.test, test);
        largest_loss = largest_loss.max(assert_metrics(&what, &report.train, train));
    }
    assert_metrics(&format!("{what}, end"), &figures(end).train, &evaluated(twin, Split::Train));
    assert_metrics(&format!("{what}, end, test"), &figures(end).test, &evaluated(twin, Split::Test));
    let (off, iters) = (largest_difference(&end.parameters, twin.parameters()), reports.len());
    println!(
        "{what}, {iters} iterations: weights off by {off:e} (moved by {moved:e}), loss {largest_loss:e}"
    );
    assert!(off <= WEIGHT_BOUND, "{what}: a weight is off by {off:e}");
}

/// Of a set that is there.
fn evaluated(twin: &CpuEngine<f64>, split: Split) -> Metrics {
    twin.evaluate(split).expect("the set is there")
}

/// The plans that this adapter chooses from.
fn own_plans(shape: &Shape, data: &Dataset, recipe: &Recipe) -> Vec<(PlanKind, DeviceProfile)> {
    let profile = DeviceProfile::of(&adapter());
    if profile.fused_step.is_none() {
        not_run("a whole training by the fused plan, which is not chosen here");
    }
    plans(shape, data, recipe).into_iter().filter(|(_, of_plan)| *of_plan == profile).collect()
}

/// The kernels for other adapters may run slowly on this one, and a few iterations show that they compute the same.
#[test]
fn the_default_network_on_mnist_follows_the_f64_twin_for_50_iterations() {
    let data = mnist(5000, 1000);
    let (shape, _) = start(&data, &[10]);
    assert_plans(&data, &[10], 50, &plain(), &own_plans(&shape, &data, &plain()));
    assert_trajectory(&mnist(700, 300), &[10], 4);
}

#[test]
fn two_hidden_layers_follow_the_f64_twin() {
    assert_trajectory(&common::dataset(28, 28, 601, 101), &[64, 32], 8);
}

#[test]
fn pictures_and_widths_that_need_padding_follow_the_f64_twin() {
    assert_trajectory(&common::dataset(5, 7, 1009, 307), &[11], 20);
    assert_trajectory(&common::dataset(7, 5, 257, 1), &[3, 5], 20);
    assert_trajectory(&common::dataset(1, 1, 13, 7), &[1], 20);
}

#[test]
fn a_single_sample_follows_the_f64_twin() {
    assert_trajectory(&common::dataset(5, 7, 1, 1), &[10], 5);
}

#[test]
fn more_samples_than_a_dispatch_has_workgroups_follow_the_f64_twin() {
    assert_trajectory(&common::dataset(4, 4, 70_001, 66_003), &[10], 1);
    let data = common::dataset(4, 4, 131_072, 3);
    let (shape, _) = start(&data, &[10]);
    assert_plans(&data, &[10], 2, &plain(), &own_plans(&shape, &data, &plain()));
}

#[test]
fn both_plans_agree_on_all_of_mnist() {
    let data = mnist(60_000, 10_000);
    let start = start(&data, &[10]);
    let trained = |plan| {
        let mut engine = gpu_engine(&data, &start, &plain(), plan).unwrap_or_else(|error| panic!("{error}"));
        follow(&mut engine, &reporting(10, 10)).1.parameters
    };
    let profile = DeviceProfile::of(&adapter());
    if profile.fused_step.is_none() {
        return not_run("all of MNIST by the fused plan, which is not chosen here");
    }
    let fused = trained((PlanKind::Fused, profile));
    let off = largest_difference(&fused, &trained(layerwise()).map(f64::from));
    assert!(off <= WEIGHT_BOUND, "a weight is off by {off:e}");
}

/// Three chunks train, two test, the last of each not full.
#[test]
fn samples_that_pass_in_several_chunks_follow_the_f64_twin() {
    let data = common::dataset(4, 4, 5_003, 2_100);
    let shape = Shape::new(16, &[128], data.classes).unwrap();
    let chunk = request(&shape, &data, &plain(), in_chunks().1).chunk;
    assert!((5_003 / 3..2_100).contains(&chunk), "{chunk}");
    assert_plans(&data, &[128], 3, &plain(), &[in_chunks()]);
}

#[test]
fn the_comparison_lets_no_nan_and_no_change_pass() {
    let network = |bias: f32| {
        let layer = Layer { weight: ndarray::array![[1.0, 2.0]], bias: ndarray::array![bias] };
        Parameters { layers: vec![layer] }
    };
    let expected = network(3.0).map(f64::from);
    assert_eq!(largest_difference(&network(3.0), &expected), 0.0);
    assert_eq!(largest_difference(&network(3.5), &expected), 0.5);
    assert_eq!(largest_difference(&network(f32::NAN), &expected), f64::INFINITY);
    assert_eq!(largest_difference(&network(3.0), &network(f32::NAN).map(f64::from)), f64::INFINITY);
    let metrics = |loss| Metrics { loss, correct: 1, samples: 2 };
    let nan = std::panic::catch_unwind(|| assert_metrics("NaN", &metrics(f64::NAN), &metrics(1.0)));
    assert!(nan.is_err(), "a loss of NaN passed");
}

#[test]
fn the_loss_on_mnist_falls_at_every_iteration() {
    let data = mnist(5000, 100);
    let (reports, end) = on_gpu(&data, &start(&data, &[10]), &plain(), 30, layerwise());
    let losses: Vec<_> = reports.iter().map(|r| r.train.loss).chain([figures(&end).train.loss]).collect();
    assert_eq!(losses.len(), 31);
    for (iteration, pair) in losses.windows(2).enumerate() {
        assert!(pair[1] < pair[0], "iteration {iteration}: {} after {}", pair[1], pair[0]);
    }
}
