//! The engine behind `--device cpu`, on small data made here.

use std::sync::Arc;

use ndarray::array;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use shadegrad::{
    data::{Dataset, Samples, Split},
    metrics::Metrics,
    net::{Init, Layer, Parameters, Shape},
    recipe::{Activation, Recipe},
    reference::{CpuEngine, backward, forward, scale_pixels, softmax_cross_entropy},
};

const INPUTS: usize = 12;
const CLASSES: usize = 3;

/// Noise, with a brighter third for each class.
fn easy_samples(len: usize, seed: u64) -> Samples {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for _ in 0..len {
        let label = random.next_u32() as usize % CLASSES;
        labels.push(label as u16);
        pixels.extend((0..INPUTS).map(|pixel| {
            let bright = pixel * CLASSES / INPUTS == label;
            (random.next_u32() % 160) as u8 + if bright { 90 } else { 0 }
        }));
    }
    Samples { pixels, labels, inputs: INPUTS }
}

fn easy_data(train: usize) -> Arc<Dataset> {
    let (train, test) = (easy_samples(train, 1), easy_samples(700, 2));
    Arc::new(Dataset { train, val: None, test, rows: 3, cols: 4, classes: CLASSES })
}

fn start(hidden: &[usize]) -> Parameters<f32> {
    Init::Uniform.parameters(&Shape::new(INPUTS, hidden, CLASSES).unwrap(), 42)
}

/// Fails where two networks differ in any value by more than `bound`, or either holds a NaN.
fn assert_close(found: &Parameters<f64>, expected: &Parameters<f64>, bound: f64) {
    assert_eq!(found.values().count(), expected.values().count());
    for (index, (found, expected)) in found.values().zip(expected.values()).enumerate() {
        let difference = (found - expected).abs();
        assert!(difference <= bound, "value {index} is {found}, not {expected}: off by {difference:e}");
    }
}

#[test]
#[should_panic(expected = "value 1 is NaN, not 2")]
fn the_comparison_lets_no_nan_pass() {
    let network = |bias| Parameters { layers: vec![Layer { weight: array![[1.0]], bias: array![bias] }] };
    assert_close(&network(f64::NAN), &network(2.0), f64::INFINITY);
}

#[test]
fn bits_do_not_depend_on_threads() {
    let data = easy_data(5000);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut engine =
                CpuEngine::new(Arc::clone(&data), start(&[9, 5]), &Recipe::gradient_descent(0.3));
            let metrics: Vec<_> = (0..5).map(|_| engine.iterate()).collect();
            let bits: Vec<_> = engine.parameters().values().map(f32::to_bits).collect();
            (metrics, engine.evaluate(Split::Test).unwrap(), bits)
        })
    };
    let one = run(1);
    for threads in [2, 4, 4, 4] {
        assert_eq!(run(threads), one, "{threads} threads");
    }
}

/// One iteration by the formulas on all rows at once: no chunks, no engine.
fn whole_array_step(
    samples: &Samples,
    mut parameters: Parameters<f64>,
    alpha: f64,
) -> (Metrics, Parameters<f64>) {
    let activations = forward(&parameters, scale_pixels(samples.matrix()), Activation::Relu);
    let output = softmax_cross_entropy(activations.logits().view(), &samples.labels, 0.0);
    let sums = backward(&parameters, &activations, output.dz, Activation::Relu);
    let m = samples.len() as f64;
    for (layer, sum) in parameters.layers.iter_mut().zip(&sums.layers) {
        layer.weight -= &(&sum.weight * (alpha / m));
        layer.bias -= &(&sum.bias * (alpha / m));
    }
    let correct = output.correct.iter().filter(|&&correct| correct).count() as u64;
    (Metrics { loss: output.loss.sum() / m, correct, samples: samples.len() as u64 }, parameters)
}

#[test]
fn every_row_counts_once_whatever_the_chunks() {
    for rows in [1, 2, 511, 512, 513, 1300] {
        let data = easy_data(rows);
        let start = start(&[6]).map(f64::from);
        let (expected, stepped) = whole_array_step(&data.train, start.clone(), 0.7);
        let mut engine = CpuEngine::new(data, start, &Recipe::gradient_descent(0.7));
        let evaluated = engine.evaluate(Split::Train).unwrap();
        let metrics = engine.iterate();
        assert_eq!(evaluated, metrics, "{rows} rows");
        assert_eq!((metrics.correct, metrics.samples), (expected.correct, rows as u64), "{rows} rows");
        let off = (metrics.loss - expected.loss).abs();
        assert!(off <= 1e-13, "{rows} rows: {metrics:?}, not {expected:?}");
        assert_close(engine.parameters(), &stepped, 1e-13);
    }
}

#[test]
fn evaluating_changes_nothing_and_test_is_not_train() {
    let engine = CpuEngine::new(easy_data(600), start(&[6]), &Recipe::gradient_descent(0.5));
    let (train, test) = (engine.evaluate(Split::Train).unwrap(), engine.evaluate(Split::Test).unwrap());
    assert_eq!((train.samples, test.samples), (600, 700));
    assert_ne!(train.loss, test.loss);
    assert_eq!(
        (engine.evaluate(Split::Train).unwrap(), engine.evaluate(Split::Test).unwrap()),
        (train, test)
    );
    assert_eq!(engine.parameters(), &start(&[6]));
}

#[test]
fn the_loss_falls_at_every_report_and_the_set_is_learnt() {
    for hidden in [&[10][..], &[10, 8], &[10, 8, 6]] {
        let mut engine = CpuEngine::new(easy_data(1300), start(hidden), &Recipe::gradient_descent(0.5));
        let mut last = f64::INFINITY;
        for iteration in 0..400 {
            let loss = engine.iterate().loss;
            if iteration % 10 == 0 {
                assert!(loss < last, "hidden {hidden:?}, iteration {iteration}: {loss} after {last}");
                last = loss;
            }
        }
        let test = engine.evaluate(Split::Test).unwrap();
        assert!(test.accuracy() > 0.95, "hidden {hidden:?}: {test:?}");
    }
}

#[test]
fn f32_and_f64_train_to_the_same_network() {
    let data = easy_data(1300);
    let start = start(&[10, 8]);
    let mut single = CpuEngine::new(Arc::clone(&data), start.clone(), &Recipe::gradient_descent(0.5));
    let mut double = CpuEngine::new(data, start.map(f64::from), &Recipe::gradient_descent(0.5));
    for iteration in 0..50 {
        let (single, double) = (single.iterate(), double.iterate());
        let off = (single.loss - double.loss).abs();
        assert!(off <= 1e-6, "iteration {iteration}: {single:?}, not {double:?}");
        assert!(
            single.correct.abs_diff(double.correct) <= 2,
            "iteration {iteration}: {single:?}, not {double:?}"
        );
    }
    assert_close(&single.parameters().map(f64::from), double.parameters(), 1e-5);
}

/// Weights that go wrong must show in the loss, which is what a diverged run is noticed by.
#[test]
fn a_nan_anywhere_shows_in_the_loss() {
    for layer in 0..3 {
        let mut parameters = start(&[6, 5]);
        parameters.layers[layer].weight[(1, 1)] = f32::NAN;
        let mut engine = CpuEngine::new(easy_data(600), parameters, &Recipe::gradient_descent(0.5));
        assert!(engine.iterate().loss.is_nan(), "layer {layer}");
        assert!(engine.evaluate(Split::Test).unwrap().loss.is_nan(), "layer {layer}");
    }
}

/// Four samples and a 3-2-3 network, three iterations at 0.5, worked out in NumPy (float64) by the
/// textbook's formulas: column per sample, one-hot labels, softmax without the maximum.
#[test]
fn a_tiny_run_is_what_numpy_computes() {
    let samples = Samples {
        pixels: vec![0, 51, 255, 102, 0, 17, 255, 204, 0, 34, 85, 170],
        labels: vec![1, 2, 0, 0],
        inputs: 3,
    };
    let data = Dataset { train: samples.clone(), val: None, test: samples, rows: 1, cols: 3, classes: 3 };
    let start = Parameters {
        layers: vec![
            Layer { weight: array![[0.5, -1.0, 0.25], [-0.75, 0.125, 1.0]], bias: array![0.15, -0.2] },
            Layer { weight: array![[1.0, -0.5], [0.3, 0.7], [-0.6, 0.2]], bias: array![0.05, 0.0, -0.1] },
        ],
    };
    let expected = Parameters {
        layers: vec![
            Layer {
                weight: array![
                    [0.38605108473542044, -0.9086980059161659, 0.4139860595345767],
                    [-0.7831807225201339, 0.0772072587618821, 1.009891712710415]
                ],
                bias: array![0.05405161431593083, -0.2730600935899198],
            },
            Layer {
                weight: array![
                    [0.9349760439175661, -0.48605718708562357],
                    [0.2983312417527033, 0.7971074475217412],
                    [-0.5333072856702694, 0.08894973956388225]
                ],
                bias: array![0.25773152250106585, -0.18701274512366145, -0.12071877737740441],
            },
        ],
    };
    let mut engine = CpuEngine::new(Arc::new(data), start, &Recipe::gradient_descent(0.5));
    let mut seen: Vec<_> = (0..3).map(|_| engine.iterate()).collect();
    seen.push(engine.evaluate(Split::Train).unwrap());
    let losses = [1.125526139388471, 1.077136386675757, 1.0415368611056173, 1.0121006434137496];
    for (seen, (loss, correct)) in seen.iter().zip(losses.into_iter().zip([2, 2, 2, 3])) {
        assert!((seen.loss - loss).abs() <= 1e-14, "{seen:?}, not {loss}");
        assert_eq!((seen.correct, seen.samples), (correct, 4));
    }
    assert_close(engine.parameters(), &expected, 1e-14);
}
