//! What each kernel must compute, from its CPU twin in f64.
//!
//! The bound of an element is (length of the sum) x 2^-23 x (sum of the absolute products): the
//! twin run on absolute values gives the second factor.

use ndarray::{Array, Array1, Array2, ArrayView1, ArrayView2, Axis, Dimension};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::Sizes;
pub(super) use super::proof_fused::fused_step;
use crate::{compare::Expected, reference};

/// Distance of 1 to the next f32.
pub(super) const ULP: f64 = 1.0 / 8_388_608.0;
/// The learning rate of the cases.
pub const ALPHA: f64 = 0.1;
/// The place of the cases' counter in `samples_seen`.
pub const COUNTER: usize = 2;

/// Numbers of a buffer.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// `f32`s
    F32(Vec<f32>),
    /// `u32`s
    U32(Vec<u32>),
}

/// Buffers before a dispatch, and what is expected of them after it.
pub struct Case {
    /// Sizes of the dispatch.
    pub sizes: Sizes,
    /// Contents before it. What is not in `expected` must not change.
    pub given: Vec<(&'static str, Tensor)>,
    /// Contents after it. What is not in `given` starts as poison.
    pub expected: Vec<(&'static str, Expected)>,
}

/// Seeded numbers.
pub struct Random(ChaCha8Rng);

impl Random {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From -1 up to 1.
    fn number(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0
    }

    pub(super) fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_simple_fn((rows, columns), || self.number())
    }

    pub(super) fn vector(&mut self, len: usize) -> Array1<f32> {
        Array1::from_shape_simple_fn(len, || self.number())
    }

    pub(super) fn bytes(&mut self, rows: usize, columns: usize) -> Array2<u8> {
        Array2::from_shape_simple_fn((rows, columns), || self.0.next_u32() as u8)
    }

    pub(super) fn labels(&mut self, len: usize, classes: usize) -> Vec<u8> {
        (0..len).map(|_| (self.0.next_u32() as usize % classes) as u8).collect()
    }
}

impl Case {
    pub(super) fn new(sizes: Sizes) -> Self {
        Case { sizes, given: Vec::new(), expected: Vec::new() }
    }

    pub(super) fn f32<D: Dimension>(mut self, name: &'static str, values: &Array<f32, D>) -> Self {
        self.given.push((name, Tensor::F32(values.iter().copied().collect())));
        self
    }

    pub(super) fn u32(mut self, name: &'static str, values: Vec<u32>) -> Self {
        self.given.push((name, Tensor::U32(values)));
        self
    }

    pub(super) fn bytes(self, name: &'static str, bytes: &Array2<u8>) -> Self {
        let flat: Vec<u8> = bytes.iter().copied().collect();
        self.u32(name, bytemuck::pod_collect_to_vec(&flat))
    }

    pub(super) fn expect(mut self, name: &'static str, expected: Expected) -> Self {
        self.expected.push((name, expected));
        self
    }

    /// The counter beside a sum over all samples, which goes on from where it was.
    pub(super) fn counting(self) -> Self {
        let mut after = vec![7.0; COUNTER + 2];
        after[COUNTER] += self.sizes.m as f64;
        self.u32("samples_seen", vec![7; COUNTER + 2]).expect("samples_seen", Expected::exact(after))
    }
}

/// A twin's result, and its bound for sums of `terms` terms; `twin` maps its inputs by the function
/// it is given.
fn bounded<D: Dimension>(terms: usize, twin: impl Fn(fn(f32) -> f64) -> Array<f64, D>) -> Expected {
    let values = twin(f64::from).iter().copied().collect();
    let magnitudes = twin(|value| f64::from(value.abs()));
    Expected { values, bounds: magnitudes.iter().map(|m| m * terms as f64 * ULP).collect() }
}

fn exact<D: Dimension>(values: &Array<f64, D>) -> Expected {
    Expected::exact(values.iter().copied().collect())
}

pub(super) fn matmul_pixels(s: Sizes, random: &mut Random) -> Case {
    let (x, w, b) = (random.bytes(s.m, s.k), random.matrix(s.n, s.k), random.vector(s.n));
    Case::new(s).bytes("pixels", &x).f32("w", &w).f32("b", &b).expect(
        "z",
        bounded(s.k + 3, |f| reference::matmul_pixels(x.view(), w.mapv(f).view(), b.mapv(f).view())),
    )
}

pub(super) fn matmul(s: Sizes, random: &mut Random) -> Case {
    let (x, w, b) = (random.matrix(s.m, s.k), random.matrix(s.n, s.k), random.vector(s.n));
    Case::new(s).f32("x", &x).f32("w", &w).f32("b", &b).expect(
        "z",
        bounded(s.k + 2, |f| reference::matmul(x.mapv(f).view(), w.mapv(f).view(), b.mapv(f).view())),
    )
}

pub(super) fn relu(s: Sizes, random: &mut Random) -> Case {
    let z = eighths(random, s);
    Case::new(s).f32("z", &z).expect("a", exact(&reference::relu(z.mapv(f64::from).view())))
}

pub(super) fn relu_backward(s: Sizes, random: &mut Random) -> Case {
    let (z, da) = (eighths(random, s), random.matrix(s.m, s.n));
    let dz = reference::relu_backward(z.mapv(f64::from).view(), da.mapv(f64::from).view());
    Case::new(s).f32("z", &z).f32("da", &da).expect("dz", exact(&dz))
}

/// Multiples of 1/8 from -8 to 8: zeros and ties are frequent.
fn eighths(random: &mut Random, s: Sizes) -> Array2<f32> {
    random.matrix(s.m, s.n).mapv(|value| (value * 64.0).round() / 8.0)
}

pub(super) fn softmax_cross_entropy(s: Sizes, random: &mut Random) -> Case {
    let z = eighths(random, s);
    let labels = random.labels(s.m, s.classes);
    let counted = z.slice_axis(Axis(1), (..s.classes).into()).mapv(f64::from);
    let twin = reference::softmax_cross_entropy(counted.view(), &labels);
    let mut dz = Array2::<f64>::zeros((s.m, s.n));
    dz.slice_axis_mut(Axis(1), (..s.classes).into()).assign(&twin.dz);
    // exp is good to 3 + 2|x| units in the last place with |x| up to 16, log and division to 2.5.
    let error = (3.0 + 2.0 * 16.0 + 2.5 + s.classes as f64) * 2.0 * ULP;
    let bounds = |values: &[f64]| values.iter().map(|value| error * (1.0 + value.abs())).collect();
    let within = |values: Vec<f64>| Expected { bounds: bounds(&values), values };
    Case::new(s)
        .f32("z", &z)
        .u32("labels", labels.iter().map(|&label| label.into()).collect())
        .expect("dz", within(dz.iter().copied().collect()))
        .expect("loss", within(twin.loss.to_vec()))
        .expect("hit", Expected::exact(twin.hit.iter().map(|&hit| f64::from(u8::from(hit))).collect()))
}

/// Partial sums of loss and hits: `s.k` rows each.
pub(super) fn count_metrics(s: Sizes, random: &mut Random) -> Case {
    let loss = random.vector(s.m);
    let hit: Array1<u32> = (0..s.m).map(|_| random.0.next_u32() & 1).collect();
    let hits = hit.axis_chunks_iter(Axis(0), s.k).map(|rows| f64::from(rows.sum())).collect();
    Case::new(s)
        .f32("loss", &loss)
        .u32("hit", hit.to_vec())
        .expect("loss_partials", bounded(s.k, |f| sums(loss.mapv(f).view(), s.k)))
        .expect("hit_partials", Expected::exact(hits))
        .counting()
}

fn sums(values: ArrayView1<f64>, len: usize) -> Array1<f64> {
    values.axis_chunks_iter(Axis(0), len).map(|chunk| chunk.sum()).collect()
}

pub(super) fn reduce_metrics(s: Sizes, random: &mut Random) -> Case {
    let loss = random.vector(s.m);
    let hits: Vec<u32> = (0..s.m).map(|_| random.0.next_u32() % 257).collect();
    let total = f64::from(hits.iter().sum::<u32>());
    Case::new(s)
        .f32("loss_partials", &loss)
        .u32("hit_partials", hits)
        .expect("loss_sum", bounded(s.m, |f| sums(loss.mapv(f).view(), s.m)))
        .expect("hits", Expected::exact(vec![total]))
}

pub(super) fn input_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, w) = (random.matrix(s.m, s.n), random.matrix(s.n, s.k));
    Case::new(s)
        .f32("dz", &dz)
        .f32("w", &w)
        .expect("da", bounded(s.n + 1, |f| reference::input_gradient(dz.mapv(f).view(), w.mapv(f).view())))
}

pub(super) fn weight_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, x) = (random.matrix(s.m, s.n), random.matrix(s.m, s.k));
    let before = random.matrix(s.splits, s.n * s.k);
    let twin = |f: fn(f32) -> f64| {
        let (dz, x) = (dz.mapv(f), x.mapv(f));
        by_split(s, &before.mapv(f), |rows| {
            let sum = reference::weight_gradient(part(&dz, rows), part(&x, rows));
            sum.into_iter().collect()
        })
    };
    let after = bounded(s.m.div_ceil(s.splits) + 2, twin);
    Case::new(s)
        .f32("dz", &dz)
        .f32("x", &x)
        .f32("dw_partials", &before)
        .expect("dw_partials", after)
        .counting()
}

pub(super) fn weight_gradient_pixels(s: Sizes, random: &mut Random) -> Case {
    let (dz, x) = (random.matrix(s.m, s.n), random.bytes(s.m, s.k));
    let before = random.matrix(s.splits, s.n * s.k);
    let twin = |f: fn(f32) -> f64| {
        let dz = dz.mapv(f);
        by_split(s, &before.mapv(f), |rows| {
            let pixels = x.slice_axis(Axis(0), rows.clone().into());
            reference::weight_gradient_pixels(part(&dz, rows), pixels).into_iter().collect()
        })
    };
    let after = bounded(s.m.div_ceil(s.splits) + 4, twin);
    Case::new(s)
        .f32("dz", &dz)
        .bytes("pixels", &x)
        .f32("dw_partials", &before)
        .expect("dw_partials", after)
        .counting()
}

pub(super) fn bias_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, before) = (random.matrix(s.m, s.n), random.matrix(s.splits, s.n));
    let twin = |f: fn(f32) -> f64| {
        let dz = dz.mapv(f);
        by_split(s, &before.mapv(f), |rows| reference::bias_gradient(part(&dz, rows)).to_vec())
    };
    let after = bounded(s.m.div_ceil(s.splits) + 2, twin);
    Case::new(s).f32("dz", &dz).f32("db_partials", &before).expect("db_partials", after).counting()
}

type Rows = std::ops::Range<isize>;

fn part<'a>(matrix: &'a Array2<f64>, rows: &Rows) -> ArrayView2<'a, f64> {
    matrix.slice_axis(Axis(0), rows.clone().into())
}

/// Adds to each row of `before` the sum over its range of samples.
fn by_split(s: Sizes, before: &Array2<f64>, sum: impl Fn(&Rows) -> Vec<f64>) -> Array2<f64> {
    let rows = s.m.div_ceil(s.splits);
    let mut after = before.clone();
    for (split, mut place) in after.rows_mut().into_iter().enumerate() {
        let range = (split * rows).min(s.m) as isize..((split + 1) * rows).min(s.m) as isize;
        if !range.is_empty() {
            place += &Array1::from(sum(&range));
        }
    }
    after
}

pub(super) fn reduce_gradient(s: Sizes, random: &mut Random) -> Case {
    let partials = random.matrix(s.splits, s.n);
    let twin = |f: fn(f32) -> f64| reference::mean_gradient(partials.mapv(f).sum_axis(Axis(0)).view(), s.m);
    Case::new(s).f32("partials", &partials).expect("gradient", bounded(s.splits + 3, twin))
}

pub(super) fn gradient_descent(s: Sizes, random: &mut Random) -> Case {
    let (parameters, gradients) = (random.vector(s.n), random.vector(s.n));
    let step = |gradient: Array1<f64>| {
        let mut after = parameters.mapv(f64::from);
        reference::gradient_descent(after.view_mut(), gradient.view(), ALPHA);
        after
    };
    let values = step(gradients.mapv(f64::from)).to_vec();
    // Bounded as |p| + alpha |g|, with the rounding of alpha, of the product and of the difference.
    let bounds = values.iter().map(|_| 4.0 * ULP * (1.0 + ALPHA)).collect();
    Case::new(s)
        .f32("parameters", &parameters)
        .f32("gradients", &gradients)
        .expect("parameters", Expected { values, bounds })
}

pub(super) fn reduce_update(s: Sizes, random: &mut Random) -> Case {
    let (parameters, partials) = (random.vector(s.n), random.matrix(s.splits, s.n));
    let mean = |f: fn(f32) -> f64| reference::mean_gradient(partials.mapv(f).sum_axis(Axis(0)).view(), s.m);
    let mut after = parameters.mapv(f64::from);
    reference::gradient_descent(after.view_mut(), mean(f64::from).view(), ALPHA);
    let gradient = bounded(s.splits + 4, mean);
    // Beside the gradient's own error the rounding of alpha, of the product and of the difference.
    let bounds = gradient.bounds.iter().map(|bound| ALPHA * bound + 4.0 * ULP * (1.0 + ALPHA)).collect();
    Case::new(s)
        .f32("parameters", &parameters)
        .f32("partials", &partials)
        .expect("parameters", Expected { values: after.to_vec(), bounds })
}

pub(super) fn copy(s: Sizes, random: &mut Random) -> Case {
    let x = random.vector(s.n);
    Case::new(s).f32("x", &x).expect("y", exact(&reference::copy(x.mapv(f64::from).view())))
}

/// `s.k` steps: two roundings each where a multiply-add is no fused one, which later steps shrink.
pub(super) fn multiply_add(s: Sizes, random: &mut Random) -> Case {
    let x = random.vector(s.n);
    Case::new(s).f32("x", &x).expect("y", bounded(s.k, |f| reference::multiply_add(x.mapv(f).view(), s.k)))
}
