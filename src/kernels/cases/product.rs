//! The cases of the matrix products, and of the other sums over samples.

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::{Case, Random, Sizes, case::bounded};
use crate::reference;

pub(in crate::kernels) fn matmul_pixels(s: Sizes, random: &mut Random) -> Case {
    let (x, w, b) = (random.bytes(s.m, s.k), random.matrix(s.n, s.k), random.vector(s.n));
    Case::new(s).u8("pixels", &x).f32("w", &w).f32("b", &b).expect(
        "z",
        bounded(s.k + 3, |f| reference::matmul_pixels(x.view(), w.mapv(f).view(), b.mapv(f).view())),
    )
}

pub(in crate::kernels) fn matmul(s: Sizes, random: &mut Random) -> Case {
    let (x, w, b) = (random.matrix(s.m, s.k), random.matrix(s.n, s.k), random.vector(s.n));
    Case::new(s).f32("x", &x).f32("w", &w).f32("b", &b).expect(
        "z",
        bounded(s.k + 2, |f| reference::matmul(x.mapv(f).view(), w.mapv(f).view(), b.mapv(f).view())),
    )
}

pub(in crate::kernels) fn input_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, w) = (random.matrix(s.m, s.n), random.matrix(s.n, s.k));
    Case::new(s)
        .f32("dz", &dz)
        .f32("w", &w)
        .expect("da", bounded(s.n + 1, |f| reference::input_gradient(dz.mapv(f).view(), w.mapv(f).view())))
}

pub(in crate::kernels) fn weight_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, x) = (random.matrix(s.m, s.n), random.matrix(s.m, s.k));
    let before = random.matrix(s.splits, s.n * s.k);
    let twin = |f: fn(f32) -> f64| {
        let (dz, x) = (dz.mapv(f), x.mapv(f));
        by_split(s, &kept(s, &before.mapv(f)), |rows| {
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
        .set(|overrides| overrides.accumulate = adds(s))
}

pub(in crate::kernels) fn weight_gradient_pixels(s: Sizes, random: &mut Random) -> Case {
    let (dz, x) = (random.matrix(s.m, s.n), random.bytes(s.m, s.k));
    let before = random.matrix(s.splits, s.n * s.k);
    let twin = |f: fn(f32) -> f64| {
        let dz = dz.mapv(f);
        by_split(s, &kept(s, &before.mapv(f)), |rows| {
            let pixels = x.slice_axis(Axis(0), rows.clone().into());
            reference::weight_gradient_pixels(part(&dz, rows), pixels).into_iter().collect()
        })
    };
    let after = bounded(s.m.div_ceil(s.splits) + 4, twin);
    Case::new(s)
        .f32("dz", &dz)
        .u8("pixels", &x)
        .f32("dw_partials", &before)
        .expect("dw_partials", after)
        .counting()
        .set(|overrides| overrides.accumulate = adds(s))
}

pub(in crate::kernels) fn bias_gradient(s: Sizes, random: &mut Random) -> Case {
    let (dz, before) = (random.matrix(s.m, s.n), random.matrix(s.splits, s.n));
    let twin = |f: fn(f32) -> f64| {
        let dz = dz.mapv(f);
        by_split(s, &kept(s, &before.mapv(f)), |rows| reference::bias_gradient(part(&dz, rows)).to_vec())
    };
    let after = bounded(s.m.div_ceil(s.splits) + 2, twin);
    Case::new(s)
        .f32("dz", &dz)
        .f32("db_partials", &before)
        .expect("db_partials", after)
        .counting()
        .set(|overrides| overrides.accumulate = adds(s))
}

type Rows = std::ops::Range<isize>;

fn part<'a>(matrix: &'a Array2<f64>, rows: &Rows) -> ArrayView2<'a, f64> {
    matrix.slice_axis(Axis(0), rows.clone().into())
}

/// Whether the case's sums are added to what is there, as in every second shape.
fn adds(s: Sizes) -> bool {
    s.m % 2 == 1
}

/// What is added to.
fn kept(s: Sizes, before: &Array2<f64>) -> Array2<f64> {
    if adds(s) { before.clone() } else { Array2::zeros(before.raw_dim()) }
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

pub(in crate::kernels) fn reduce_gradient(s: Sizes, random: &mut Random) -> Case {
    let partials = random.matrix(s.splits, s.n);
    let twin = |f: fn(f32) -> f64| reference::mean_gradient(partials.mapv(f).sum_axis(Axis(0)).view(), s.m);
    Case::new(s).f32("partials", &partials).expect("gradient", bounded(s.splits + 3, twin))
}
