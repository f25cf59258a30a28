//! The case of `fused_step`: a whole pass through a small network, from the twins in a row.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{Case, Random, Sizes, case::ULP};
use crate::{compare::Expected, kernels::fused::places, net::ALIGN, reference};

/// What the twins make of the samples of one split.
struct Pass {
    /// Laid out as the parameters are: w1, b1, w2, b2.
    gradients: Vec<f64>,
    bounds: Vec<f64>,
    loss: f64,
    loss_bound: f64,
    correct: f64,
    /// Samples whose largest outputs are so near each other that rounding decides.
    doubtful: f64,
}

/// The parameters of a case.
struct Weights {
    w1: Array2<f32>,
    b1: Array1<f32>,
    w2: Array2<f32>,
    b2: Array1<f32>,
}

pub(in crate::kernels) fn fused_step(s: Sizes, random: &mut Random) -> Case {
    let (x, labels) = (random.bytes(s.m, s.k), labels(s, random));
    let weights = Weights {
        // z1 must not be so near 0 that rounding decides on which side: w1 x is a multiple of 1/64,
        // and b1 lies between two of them (all over 255).
        w1: random.matrix(s.n, s.k).mapv(|value| (value * 8.0).round() / 64.0),
        b1: random.vector(s.n).mapv(|value| ((value * 4080.0).round() + 0.5) / (64.0 * 255.0)),
        w2: random.matrix(s.classes, s.n),
        b2: random.vector(s.classes) * 0.25,
    }
    .with_ties(s);
    let passes: Vec<_> = ranges(s).map(|rows| weights.pass(s, &x, &labels, rows)).collect();
    let collect = |what: fn(&Pass) -> f64| passes.iter().map(what).collect::<Vec<_>>();
    let bounds = passes.iter().flat_map(|pass| pass.bounds.clone()).collect();
    let values: Vec<f64> = passes.iter().flat_map(|pass| pass.gradients.clone()).collect();
    Case::new(s)
        .u8("pixels", &x)
        .u32("labels", labels.iter().map(|&label| label.into()).collect())
        .f32("parameters", &Array1::from(weights.packed(s)))
        // Padding is not written: it starts as zeros, and stays.
        .f32("partials", &Array1::zeros(values.len()))
        .expect("partials", Expected { values, bounds })
        .expect(
            "loss_partials",
            Expected { values: collect(|pass| pass.loss), bounds: collect(|pass| pass.loss_bound) },
        )
        .expect(
            "correct_partials",
            Expected { values: collect(|pass| pass.correct), bounds: collect(|pass| pass.doubtful) },
        )
        .counting()
}

/// Few have the last class, which is always equal to the first: a false hit there does not make up for one
/// that is missed.
fn labels(s: Sizes, random: &mut Random) -> Vec<u16> {
    let last = s.classes as u16 - 1;
    let labels = random.labels(s.m, s.classes).into_iter().enumerate();
    labels.map(|(i, label)| if label == last && i % 4 > 0 { 0 } else { label }).collect()
}

/// The samples of each split.
fn ranges(s: Sizes) -> impl Iterator<Item = std::ops::Range<usize>> {
    let rows = s.m.div_ceil(s.splits);
    (0..s.splits).map(move |split| (split * rows).min(s.m)..((split + 1) * rows).min(s.m))
}

impl Weights {
    /// The same with the first class once more as the last one: of equal outputs the first counts.
    fn with_ties(mut self, s: Sizes) -> Self {
        let (first, last) = (self.w2.row(0).to_owned(), s.classes - 1);
        self.w2.row_mut(last).assign(&first);
        self.b2[last] = self.b2[0];
        self
    }

    fn packed(&self, s: Sizes) -> Vec<f32> {
        pack(s, self.w1.view(), &self.b1, self.w2.view(), &self.b2)
    }

    fn pass(&self, s: Sizes, x: &Array2<u8>, labels: &[u16], rows: std::ops::Range<usize>) -> Pass {
        let x = x.slice_axis(Axis(0), (rows.start as isize..rows.end as isize).into());
        let (w1, b1) = (self.w1.mapv(f64::from), self.b1.mapv(f64::from));
        let (w2, b2) = (self.w2.mapv(f64::from), self.b2.mapv(f64::from));
        let z1 = reference::matmul_pixels(x, w1.view(), b1.view());
        let a1 = reference::relu(z1.view());
        let z2 = reference::matmul(a1.view(), w2.view(), b2.view());
        let head = reference::softmax_cross_entropy(z2.view(), &labels[rows], 0.0);
        let da1 = reference::input_gradient(head.dz.view(), w2.view());
        let dz1 = reference::relu_backward(z1.view(), da1.view());
        let gradient = |dz1: &Array2<f64>, dz2: &Array2<f64>| {
            let dw1 = reference::weight_gradient_pixels(dz1.view(), x);
            let dw2 = reference::weight_gradient(dz2.view(), a1.view());
            let (db1, db2) = (reference::bias_gradient(dz1.view()), reference::bias_gradient(dz2.view()));
            pack(s, dw1.view(), &db1, dw2.view(), &db2)
        };

        // z2 is off by the rounding of two sums, p by as much and by the error of exp; that of dz2
        // comes down to dz1 through w2. Each sum over samples adds its own rounding.
        let largest = |values: &Array2<f64>| values.iter().fold(1.0, |most: f64, v| most.max(v.abs()));
        let of_z2 = (s.k + s.n + 8) as f64 * ULP * largest(&z2);
        let of_dz2 = 2.0 * of_z2 + (40.0 + s.classes as f64) * ULP;
        let of_dz1 = s.classes as f64 * of_dz2;
        let sum = (x.nrows() + 8) as f64 * ULP;
        let error2 = head.dz.mapv(|d| sum * d.abs() + of_dz2);
        let error1 = dz1.mapv(|d| sum * d.abs() + of_dz1);
        let near = |row: ndarray::ArrayView1<f64>| {
            let mut sorted = row.to_vec();
            sorted.sort_by(f64::total_cmp);
            // Equal outputs are equal for every kernel: they come from equal weights.
            matches!(sorted[..], [.., second, first] if first != second && first - second <= 2.0 * of_z2)
        };
        Pass {
            gradients: gradient(&dz1, &head.dz),
            bounds: gradient(&error1, &error2),
            loss: head.loss.sum(),
            loss_bound: sum * head.loss.sum() + x.nrows() as f64 * 2.0 * of_dz2,
            correct: head.correct.iter().filter(|&&correct| correct).count() as f64,
            doubtful: z2.rows().into_iter().filter(|row| near(*row)).count() as f64,
        }
    }
}

/// The four tensors as a buffer holds them.
fn pack<T: Copy + Default>(
    s: Sizes,
    w1: ArrayView2<T>,
    b1: &Array1<T>,
    w2: ArrayView2<T>,
    b2: &Array1<T>,
) -> Vec<T> {
    let place = |name: &str| {
        let found = places(&s).into_iter().find(|(place, _)| *place == name);
        found.map_or(0, |(_, quads)| 4 * quads)
    };
    let mut flat = vec![T::default(); place("LEN")];
    debug_assert!(flat.len() % ALIGN == 0);
    let mut put = |start: usize, stride: usize, rows: ArrayView2<T>| {
        for (r, row) in rows.rows().into_iter().enumerate() {
            for (c, &value) in row.iter().enumerate() {
                flat[start + r * stride + c] = value;
            }
        }
    };
    put(0, s.k, w1);
    put(place("B1"), 0, b1.view().insert_axis(Axis(0)));
    put(place("W2"), s.n.next_multiple_of(4), w2);
    put(place("B2"), 0, b2.view().insert_axis(Axis(0)));
    flat
}
