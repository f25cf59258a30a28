//! The sizes that kernels are checked at.

use super::Sizes;

/// Samples, inputs, units, splits.
const SHAPES: [(usize, usize, usize, usize); 14] = [
    (1, 4, 4, 1),
    (2, 8, 12, 1),
    (7, 12, 12, 2),
    (8, 12, 8, 3),
    (9, 20, 28, 4),
    (31, 4, 44, 5),
    (64, 64, 16, 1),
    (65, 100, 4, 7),
    (257, 36, 12, 13),
    (511, 12, 12, 2),
    (1_009, 28, 20, 6),
    (4_096, 12, 12, 16),
    (70_001, 4, 4, 2),
    (70_001, 12, 12, 100),
];

/// More of them for kernels with large tiles: around and beyond each tile.
const WIDE_SHAPES: [(usize, usize, usize, usize); 5] =
    [(3, 16, 68, 1), (130, 144, 132, 2), (129, 128, 64, 3), (300, 784, 36, 7), (70_001, 16, 20, 3)];

pub(in crate::kernels) fn shapes() -> Vec<Sizes> {
    sizes(&SHAPES)
}

pub(in crate::kernels) fn wide_shapes() -> Vec<Sizes> {
    sizes(&[&SHAPES[..], &WIDE_SHAPES].concat())
}

/// And those of many classes: EMNIST's, and as many as a data set may have.
pub(in crate::kernels) fn class_shapes() -> Vec<Sizes> {
    sizes(&[&SHAPES[..], &[(130, 4, 64, 1), (33, 8, 300, 1), (20, 4, 1_024, 1)]].concat())
}

fn sizes(shapes: &[(usize, usize, usize, usize)]) -> Vec<Sizes> {
    let sizes = |&(m, k, n, splits): &(usize, usize, usize, usize)| {
        // Padding of 0 to 3 outputs, as in a network.
        Sizes { m, k, n, splits, classes: n - m % 4, ..Sizes::default() }
    };
    shapes.iter().map(sizes).collect()
}

/// The same with whole words of 16 pixels a row, and the largest pictures.
pub(in crate::kernels) fn wide_pixel_shapes() -> Vec<Sizes> {
    let largest = Sizes { m: 3, k: 1 << 18, n: 8, splits: 1, classes: 5, ..Sizes::default() };
    wide_shapes().into_iter().chain([largest]).map(|s| Sizes { k: s.k.next_multiple_of(16), ..s }).collect()
}

/// Batches of pictures: whole words of 16 pixels, and MNIST's size.
pub(in crate::kernels) fn batch_shapes() -> Vec<Sizes> {
    let batches = sizes(&[&SHAPES[..], &[(128, 784, 4, 1)]].concat());
    batches.into_iter().map(|s| Sizes { k: s.k.next_multiple_of(16), ..s }).collect()
}

/// The same with the rows of a partial sum of the metrics in `k`.
pub(in crate::kernels) fn count_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { k: 256, ..s }).collect()
}

/// The same as flat buffers of many lengths; what is added up in one loop stays below 60,000.
pub(in crate::kernels) fn flat_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { m: s.m.min(60_000), n: s.k * s.n * (1 + s.m / 64), ..s }).collect()
}

/// The flat ones, and more partial sums: one more than a single invocation adds up, and as many as a GPU leaves.
pub(in crate::kernels) fn reduced_shapes() -> Vec<Sizes> {
    let more = [(1_000, 300, 17), (60_000, 9_728, 250)];
    let more = more.map(|(m, n, splits)| Sizes { m, n, splits, ..Sizes::default() });
    flat_shapes().into_iter().chain(more).collect()
}

/// The flat ones with 16 to 1,024 steps in `k`, few enough elements for the twin to stay fast.
pub(in crate::kernels) fn chain_shapes() -> Vec<Sizes> {
    let steps = |(index, s): (usize, Sizes)| Sizes { n: s.n.min(16_388), k: 16 << (index % 7), ..s };
    flat_shapes().into_iter().enumerate().map(steps).collect()
}
