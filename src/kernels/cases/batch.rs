//! The cases of what makes batches: copies, and so exact.

use std::ops::Range;

use ndarray::{Array1, Array2};

use super::{Case, Overrides, Random, Sizes};
use crate::{
    compare::Expected,
    recipe::{BETAS, LearningRate, Rate, SHIFTS},
    reference,
};

/// Steps before that of a case, and behind it.
const STEPS: [usize; 2] = [3, 2];

/// A batch among others, of all samples twice as many as it has.
struct Batch {
    pixels: Array2<u8>,
    labels: Vec<u16>,
    order: Vec<u32>,
    /// Samples of a full batch: this one may have fewer.
    full: usize,
}

impl Batch {
    fn new(s: Sizes, random: &mut Random) -> Self {
        let samples = 2 * s.m + 1;
        let full = s.m + s.m % 3;
        let rest = if full == s.m { STEPS[1] * full } else { 0 };
        let len = STEPS[0] * full + s.m + rest;
        Batch {
            pixels: random.bytes(samples, s.k),
            labels: random.labels(samples, 256),
            order: (0..len).map(|_| random.below(samples)).collect(),
            full,
        }
    }

    /// The places of the batch in the order.
    fn places(&self, s: Sizes) -> Range<usize> {
        let start = STEPS[0] * self.full;
        start..start + s.m
    }

    fn case(&self, s: Sizes, (pixels, labels): &(Array2<u8>, Vec<u16>)) -> Case {
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&pixels.iter().copied().collect::<Vec<u8>>());
        Case::new(s)
            .set(|overrides| overrides.batch = self.full)
            .u32("order", self.order.clone())
            .u32("steps_done", vec![STEPS[0] as u32])
            .u8("train_pixels", &self.pixels)
            .u32("train_labels", self.labels.iter().map(|&label| label.into()).collect())
            .expect("pixels", Expected::exact(words.into_iter().map(f64::from).collect()))
            .expect("labels", Expected::exact(labels.iter().map(|&label| label.into()).collect()))
    }
}

pub(in crate::kernels) fn gather(s: Sizes, random: &mut Random) -> Case {
    let batch = Batch::new(s, random);
    let found = reference::gather(&batch.order, batch.places(s), batch.pixels.view(), &batch.labels);
    batch.case(s, &found)
}

/// Pictures that are square, of one row, of one column, and wide; what is left of k is padding.
pub(in crate::kernels) fn gather_shifted(s: Sizes, random: &mut Random) -> Case {
    let batch = Batch::new(s, random);
    let cols = [s.k.isqrt(), s.k - 1, 1, 2 * s.k / 5][s.m % 4];
    let rows = s.k / cols;
    let shifts: Vec<_> = batch.order.iter().map(|_| random.below(SHIFTS)).collect();
    let found = reference::gather_shifted(
        &batch.order,
        &shifts,
        batch.places(s),
        batch.pixels.view(),
        &batch.labels,
        [rows, cols],
    );
    let pictures =
        |overrides: &mut Overrides| (overrides.picture_rows, overrides.picture_cols) = (rows, cols);
    batch.case(s, &found).set(pictures).u32("shifts", shifts)
}

/// `s.m` steps sent ahead, any of them done.
pub(in crate::kernels) fn next_step(s: Sizes, random: &mut Random) -> Case {
    let steps = s.m.max(1);
    let rate = LearningRate { warmup: steps, ..LearningRate::constant(0.1) };
    let rates: Vec<_> = (0..steps).map(|step| rate.row(step, BETAS)).collect();
    let before = random.below(steps);
    let mut done = before as usize;
    let expected = reference::next_step(&rates, &mut done).packed().map(f64::from);
    let packed: Array1<f32> = rates.into_iter().flat_map(Rate::packed).collect();
    Case::new(s)
        .f32("rates", &packed)
        .u32("steps_done", vec![before])
        .expect("steps_done", Expected::exact(vec![done as f64]))
        .expect("rate", Expected::exact(expected.to_vec()))
}
