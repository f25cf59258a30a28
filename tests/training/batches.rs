//! Mini-batches, against the f64 twin and against themselves.

use super::{
    determinism::{FOLDER, fingerprint},
    *,
};
use shadegrad::recipe::{Activation, Decay, LearningRate, Optimizer};

/// Most that a weight may differ from the twin's, as a part of the largest of its tensor.
const RELATIVE_BOUND: f64 = 1e-5;

/// A network of 35-16-10, and 1,009 samples: batches of 128 and a last one of 113.
const TRAIN: usize = 1_009;

fn batches(batch: usize) -> Recipe {
    Recipe { batch: Some(batch), seed: 7, ..plain() }
}

/// The largest difference of a weight, as a part of the largest of its tensor.
fn relative_difference(found: &Parameters, expected: &Parameters<f64>) -> f64 {
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0f64, |most, next| if next.is_nan() { f64::INFINITY } else { most.max(next.abs()) })
    };
    let tensor = |found: &mut dyn Iterator<Item = &f32>, expected: &[f64]| {
        let differences = &mut found.zip(expected).map(|(&f, e)| f64::from(f) - e);
        largest(differences) / largest(&mut expected.iter().copied())
    };
    let layers = found.layers.iter().zip(&expected.layers);
    let of_layers = layers.flat_map(|(found, expected)| {
        let weights: Vec<_> = expected.weight.iter().copied().collect();
        [tensor(&mut found.weight.iter(), &weights), tensor(&mut found.bias.iter(), &expected.bias.to_vec())]
    });
    of_layers.fold(0.0, |most, next| if next.is_nan() { f64::INFINITY } else { most.max(next) })
}

/// Trains on the GPU and with the twin, and compares reports and weights.
fn assert_batches(what: &str, data: &Dataset, hidden: &[usize], recipe: &Recipe, options: &TrainOptions) {
    assert_plan_of_batches(what, data, hidden, recipe, options, layerwise());
}

fn assert_plan_of_batches(
    what: &str,
    data: &Dataset,
    hidden: &[usize],
    recipe: &Recipe,
    options: &TrainOptions,
    plan: (PlanKind, DeviceProfile),
) {
    let start = start(data, hidden);
    let mut engine = gpu_engine(data, &start, recipe, plan).unwrap_or_else(|error| panic!("{error}"));
    let (reports, end) = follow(&mut engine, options);
    assert_eq!(end.iters, options.iters, "{what}");
    assert_eq!(reports.len(), options.iters.div_ceil(options.report_every), "{what}");

    let mut twin = CpuEngine::new(Arc::new(data.clone()), start.1.map(f64::from), recipe);
    let mut expected: Option<Metrics> = None;
    let mut reports = reports.iter();
    for iter in 0..options.iters {
        let test = (iter % options.report_every == 0).then(|| evaluated(&twin, Split::Test));
        let step = twin.iterate();
        let since = expected.map_or(step, |before| before.and(&step));
        expected = Some(since);
        if let Some(test) = test {
            let report = reports.next().expect("a report");
            let what = format!("{what}, iteration {iter}");
            assert_eq!(report.iter, iter, "{what}");
            assert_metrics(&what, &report.train, &since);
            assert_metrics(&format!("{what}, test"), &report.test, &test);
            expected = None;
        }
    }
    assert_metrics(&format!("{what}, end"), &figures(&end).train, &evaluated(&twin, Split::Train));
    assert_metrics(&format!("{what}, end, test"), &figures(&end).test, &evaluated(&twin, Split::Test));
    let off = relative_difference(&end.parameters, twin.parameters());
    println!("{what}: weights off by {off:e} of the largest");
    assert!(off <= RELATIVE_BOUND, "{what}: a weight is off by {off:e} of the largest");
}

#[test]
fn ten_steps_of_every_optimizer_follow_the_f64_twin() {
    let data = common::dataset(7, 5, TRAIN, 101);
    for optimizer in Optimizer::ALL {
        let alpha = optimizer.default_alpha();
        let recipe =
            Recipe { optimizer, weight_decay: 0.01, rate: LearningRate::constant(alpha), ..batches(128) };
        assert_batches(optimizer.name(), &data, &[16], &recipe, &reporting(10, 4));
    }
}

#[test]
fn shifts_smoothing_and_rates_follow_the_f64_twin_over_three_epochs() {
    let data = common::dataset(7, 5, TRAIN, 101);
    let rate = LearningRate { alpha: 0.2, decay: Decay::Cosine, warmup: 5, iters: 24 };
    let recipe = Recipe { shift: true, smoothing: 0.1, rate, ..batches(128) };
    for activation in [Activation::Sigmoid, Activation::Gelu] {
        let recipe = Recipe { activation, ..recipe };
        assert_batches(activation.name(), &data, &[16, 9], &recipe, &reporting(24, 8));
    }
}

#[test]
fn batches_of_every_size_follow_the_f64_twin() {
    let data = common::dataset(5, 7, 103, 11);
    for batch in [1, 2, 50, 102, 103] {
        assert_batches(&format!("batches of {batch}"), &data, &[5], &batches(batch), &reporting(106, 53));
    }
}

/// Sums over 262,144 pixels take many steps, and a plain f32 sum of them would be off by more than the bound.
#[test]
fn the_largest_pictures_follow_the_f64_twin() {
    let data = common::dataset(512, 512, 24, 5);
    let rate = LearningRate { alpha: 0.01, decay: Decay::Constant, warmup: 0, iters: 4 };
    for batch in [7, 24] {
        let recipe = Recipe { shift: true, rate, ..batches(batch) };
        assert_batches(&format!("batches of {batch}"), &data, &[10], &recipe, &reporting(4, 2));
    }
}

#[test]
fn a_batch_that_passes_in_chunks_follows_the_f64_twin() {
    let data = common::dataset(4, 4, 5_003, 11);
    assert_plan_of_batches("chunks", &data, &[128], &batches(3_000), &reporting(3, 2), in_chunks());
}

/// An epoch is sent ahead in two segments, and its last batch has two samples.
#[test]
fn an_epoch_of_more_than_4096_steps_follows_the_f64_twin() {
    let data = common::dataset(3, 2, 12_500, 11);
    let rate = LearningRate { alpha: 1e-3, decay: Decay::Cosine, warmup: 100, iters: 4_180 };
    let recipe = Recipe { optimizer: Optimizer::Adam, shift: true, rate, ..batches(3) };
    assert_batches("a long epoch", &data, &[4], &recipe, &reporting(4_180, 1_393));
}

/// 9,001 losses: a plain f32 sum of them would be off by some 1e-5.
#[test]
fn the_mean_loss_over_many_batches_is_that_of_the_f64_twin() {
    let data = common::dataset(2, 2, 3, 1);
    let recipe = Recipe { batch: Some(1), ..Recipe::gradient_descent(0.0) };
    let start = start(&data, &[2]);
    let mut engine =
        gpu_engine(&data, &start, &recipe, layerwise()).unwrap_or_else(|error| panic!("{error}"));
    let (reports, _) = follow(&mut engine, &reporting(9_002, 9_001));
    let mut twin = CpuEngine::new(Arc::new(data), start.1.map(f64::from), &recipe);
    twin.iterate();
    let first = twin.iterate();
    let expected = (1..9_001).fold(first, |mean, _| mean.and(&twin.iterate()));
    let off = reports[1].train.loss / expected.loss - 1.0;
    println!("the mean of 9,001 losses is off by {off:e} of itself");
    assert_eq!((reports[1].train.samples, expected.samples), (9_001, 9_001));
    assert!(off.abs() <= 3e-7, "off by {off:e}");
}

#[test]
fn what_is_held_out_is_not_trained_on() {
    let mut data = common::dataset(7, 5, TRAIN + 200, 101);
    let all = data.clone();
    data.hold_out(200);
    assert_eq!(data.train.labels, all.train.labels[..TRAIN]);
    assert_eq!(data.val.as_ref().map(|val| &val.pixels[..]), Some(&all.train.pixels[TRAIN * 35..]));
    let start = start(&data, &[16]);
    let run = |data: &Dataset| {
        let mut engine =
            gpu_engine(data, &start, &batches(128), layerwise()).unwrap_or_else(|error| panic!("{error}"));
        follow(&mut engine, &reporting(10, 5))
    };
    let (reports, end) = run(&data);
    let twin = CpuEngine::new(Arc::new(data.clone()), start.1.map(f64::from), &batches(128));
    assert_metrics("val", &reports[0].val.expect("held out"), &evaluated(&twin, Split::Val));
    assert_eq!(figures(&end).val.expect("held out").samples, 200);
    let without = Dataset { val: None, ..data };
    assert_eq!(run(&without).1.parameters, end.parameters);
}

#[test]
fn the_same_command_gives_the_same_weights_with_batches_however_it_reports() {
    let args = ["--batch", "96", "--epochs", "2", "--optimizer", "adam", "--augment", "shift"];
    for device in ["gpu", "cpu"] {
        let run = |every: &str, variable| {
            let more = ["--device", device, "--report-every", every, "--schedule", "cosine", "--warmup", "3"];
            fingerprint(FOLDER.path(), &[&args[..], &more].concat(), variable)
        };
        let first = run("21", None);
        assert_eq!(run("21", None), first, "{device}, a second time");
        for every in ["1", "5", "1000"] {
            assert_eq!(run(every, None), first, "{device}, --report-every {every}");
        }
        for variable in [("LP_NUM_THREADS", "1"), ("RAYON_NUM_THREADS", "1")] {
            assert_eq!(run("21", Some(variable)), first, "{device}, {variable:?}");
        }
    }
}
