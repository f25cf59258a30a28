//! The cases of the loss and of the metrics.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use super::{
    Case, Random, Sizes,
    case::{ULP, bounded, eighths},
};
use crate::{compare::Expected, reference};

pub(in crate::kernels) fn softmax_cross_entropy(s: Sizes, random: &mut Random) -> Case {
    let z = eighths(random, s);
    let labels = random.labels(s.m, s.classes);
    let counted = z.slice_axis(Axis(1), (..s.classes).into()).mapv(f64::from);
    let smoothing = [0.5, 0.0, 0.1, 0.5, 0.1][s.m % 5];
    let twin = reference::softmax_cross_entropy(counted.view(), &labels, smoothing);
    let mut dz = Array2::<f64>::zeros((s.m, s.n));
    dz.slice_axis_mut(Axis(1), (..s.classes).into()).assign(&twin.dz);
    // exp is good to 3 + 2|x| units in the last place with |x| up to 16, log and division to 2.5.
    let error = (3.0 + 2.0 * 16.0 + 2.5 + s.classes as f64) * 2.0 * ULP;
    let bounds = |values: &[f64]| values.iter().map(|value| error * (1.0 + value.abs())).collect();
    let within = |values: Vec<f64>| Expected { bounds: bounds(&values), values };
    Case::new(s)
        .set(|overrides| overrides.smoothing = smoothing)
        .f32("z", &z)
        .u32("labels", labels.iter().map(|&label| label.into()).collect())
        .expect("dz", within(dz.iter().copied().collect()))
        .expect("loss", within(twin.loss.to_vec()))
        .expect(
            "correct",
            Expected::exact(twin.correct.iter().map(|&correct| f64::from(u8::from(correct))).collect()),
        )
}

/// Partial sums of loss and correct predictions: `s.k` rows each.
pub(in crate::kernels) fn partial_metrics(s: Sizes, random: &mut Random) -> Case {
    let loss = random.vector(s.m);
    let correct: Array1<u32> = (0..s.m).map(|_| random.below(2)).collect();
    let counts = correct.axis_chunks_iter(Axis(0), s.k).map(|rows| f64::from(rows.sum())).collect();
    Case::new(s)
        .f32("loss", &loss)
        .u32("correct", correct.to_vec())
        .expect("loss_partials", bounded(s.k, |f| sums(loss.mapv(f).view(), s.k)))
        .expect("correct_partials", Expected::exact(counts))
        .counting()
}

fn sums(values: ArrayView1<f64>, len: usize) -> Array1<f64> {
    values.axis_chunks_iter(Axis(0), len).map(|chunk| chunk.sum()).collect()
}

/// `s.m` partial sums, on top of losses and of correct predictions that are there; which sum is next is random.
pub(in crate::kernels) fn reduce_metrics(s: Sizes, random: &mut Random) -> Case {
    let loss = random.vector(s.m);
    let correct: Vec<u32> = (0..s.m).map(|_| random.below(257)).collect();
    let (losses, correct_before, additions) = (random.vector(7), random.below(1000), random.below(1000));
    let correct_after = f64::from(correct_before + correct.iter().sum::<u32>());
    let next = additions as usize % losses.len();
    let total = bounded(s.m + 1, |f| sums(loss.mapv(f).view(), s.m) + f(losses[next]));
    let mut expected = Expected::exact(losses.iter().copied().map(f64::from).collect());
    (expected.values[next], expected.bounds[next]) = (total.values[0], total.bounds[0]);
    Case::new(s)
        .f32("loss_partials", &loss)
        .u32("correct_partials", correct)
        .f32("loss_sum", &losses)
        .u32("correct_sum", vec![correct_before, additions])
        .expect("loss_sum", expected)
        .expect("correct_sum", Expected::exact(vec![correct_after, f64::from(additions + 1)]))
}
