//! The sizes that kernels are checked at: tiny ones that reach every part of a kernel, one that users have, and
//! many more.
//!
//! The tiny ones have two tiles and a remainder in every dimension and both sides of each branch that an override
//! decides, and where samples are summed up more than 65,535 of them, as some drivers stop a loop there. Each
//! takes at most 5 million multiply-adds.

use super::Sizes;

/// The sizes that a kernel is checked at.
pub struct Shapes {
    /// A few that reach every part of it: what an edited kernel is compared at before a training.
    pub tiny: fn() -> Vec<Sizes>,
    /// One of a usual network: 784-128-64-10 or 784-10-10.
    pub usual: fn() -> Sizes,
    /// 1, primes, around the tiles, more than 65,535 samples. A case's seed is its place in its list.
    pub thorough: fn() -> Vec<Sizes>,
}

impl Shapes {
    /// Those of a depth, each with the seed of its case.
    pub fn of(&self, depth: Depth) -> Vec<(u64, Sizes)> {
        let seeded = |shapes: Vec<Sizes>| (0..).zip(shapes);
        let mut all: Vec<_> = seeded((self.tiny)()).collect();
        if depth >= Depth::Usual {
            all.push((0, (self.usual)()));
        }
        if depth >= Depth::Thorough {
            all.extend(seeded((self.thorough)()));
        }
        all
    }
}

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// The tiny sizes.
    Tiny,
    /// And the usual one.
    Usual,
    /// And all others.
    Thorough,
}

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

/// One invocation for some elements of (samples, units). Small cases have numbers at the edges in them.
pub(in crate::kernels) static ELEMENTS: Shapes = Shapes {
    tiny: || sizes(&[(9, 0, 28, 0), (261, 0, 132, 0)]),
    usual: || size(1_003, 0, 128, 0),
    thorough: shapes,
};

/// A place in a list of steps.
pub(in crate::kernels) static STEPS: Shapes =
    Shapes { tiny: || sizes(&[(1, 0, 0, 0), (7, 0, 0, 0)]), usual: || size(60, 0, 0, 0), thorough: shapes };

/// Batches of pictures, full ones and others, of every form.
pub(in crate::kernels) static BATCHES: Shapes = Shapes {
    tiny: || sizes(&[(132, 48, 0, 0), (133, 48, 0, 0), (134, 64, 0, 0), (135, 80, 0, 0)]),
    usual: || size(128, 784, 0, 0),
    thorough: batch_shapes,
};

/// Products of samples and units.
pub(in crate::kernels) static PRODUCTS: Shapes = Shapes {
    tiny: || sizes(&[(261, 36, 132, 0), (9, 12, 4, 0)]),
    usual: || size(1_003, 128, 64, 0),
    thorough: wide_shapes,
};

/// The same of pixels: 16 in a word; the sums of large pictures are made of short ones.
pub(in crate::kernels) static PIXEL_PRODUCTS: Shapes = Shapes {
    tiny: || sizes(&[(261, 48, 132, 0), (9, 16, 4, 0), (2, 1 << 18, 4, 0)]),
    usual: || size(1_003, 784, 128, 0),
    thorough: wide_pixel_shapes,
};

/// Products of samples and inputs.
pub(in crate::kernels) static INPUT_PRODUCTS: Shapes = Shapes {
    tiny: || sizes(&[(261, 132, 36, 0), (9, 4, 12, 0)]),
    usual: || size(1_003, 128, 64, 0),
    thorough: wide_shapes,
};

/// Products of units and inputs, summed over samples: in place of what is there and added to it, and with a range
/// that is left empty.
pub(in crate::kernels) static SUMMED_PRODUCTS: Shapes = Shapes {
    tiny: || sizes(&[(67, 260, 132, 2), (66, 20, 12, 3), (9, 20, 28, 4), (70_001, 4, 4, 2)]),
    usual: || size(4_001, 128, 64, 4),
    thorough: wide_shapes,
};

/// The same of pixels.
pub(in crate::kernels) static SUMMED_PIXEL_PRODUCTS: Shapes = Shapes {
    tiny: || {
        sizes(&[(67, 272, 132, 2), (66, 32, 12, 3), (9, 32, 28, 4), (70_001, 16, 4, 2), (2, 1 << 18, 4, 1)])
    },
    usual: || size(1_003, 784, 128, 4),
    thorough: wide_pixel_shapes,
};

/// Sums over samples.
pub(in crate::kernels) static SUMS: Shapes = Shapes {
    tiny: || sizes(&[(67, 0, 132, 2), (66, 0, 268, 3), (9, 0, 28, 4), (70_001, 0, 4, 2)]),
    usual: || size(4_001, 0, 128, 4),
    thorough: shapes,
};

/// Outputs of (samples, classes), with label smoothing and without.
pub(in crate::kernels) static CLASSES: Shapes = Shapes {
    tiny: || [size(131, 0, 12, 0), size(134, 0, 8, 0), size(9, 0, 44, 0)].map(with_classes).to_vec(),
    usual: || with_classes(size(1_003, 0, 12, 0)),
    thorough: class_shapes,
};

/// Samples whose metrics are summed up, 256 in a partial sum.
pub(in crate::kernels) static COUNTS: Shapes = Shapes {
    tiny: || sizes(&[(600, 256, 0, 0), (70_001, 256, 0, 0)]),
    usual: || size(10_000, 256, 0, 0),
    thorough: count_shapes,
};

/// Partial sums of metrics.
pub(in crate::kernels) static PARTIALS: Shapes = Shapes {
    tiny: || sizes(&[(1, 0, 0, 0), (263, 0, 0, 0)]),
    usual: || size(235, 0, 0, 0),
    thorough: flat_shapes,
};

/// Flat buffers, with weight decay and without, and with partial sums.
pub(in crate::kernels) static FLAT: Shapes = Shapes {
    tiny: || sizes(&[(1_001, 0, 1_060, 3), (1_000, 0, 1_060, 1)]),
    usual: || size(60_000, 0, 101_888, 8),
    thorough: flat_shapes,
};

/// The same: few partial sums, which one invocation adds up, and more, which several share.
pub(in crate::kernels) static REDUCED: Shapes = Shapes {
    tiny: || sizes(&[(1_000, 0, 1_060, 16), (1_001, 0, 84, 17), (1_001, 0, 84, 37), (1_001, 0, 84, 3)]),
    usual: || size(60_000, 0, 8_192, 250),
    thorough: reduced_shapes,
};

/// Flat buffers, with steps in `k`.
pub(in crate::kernels) static CHAINS_OF_STEPS: Shapes = Shapes {
    tiny: || sizes(&[(0, 16, 1_060, 0), (0, 32, 2_084, 0)]),
    usual: || size(0, 1_024, 16_388, 0),
    thorough: chain_shapes,
};

fn size(m: usize, k: usize, n: usize, splits: usize) -> Sizes {
    Sizes { m, k, n, splits, ..Sizes::default() }
}

/// Padding of 0 to 3 outputs, as in a network.
fn with_classes(s: Sizes) -> Sizes {
    Sizes { classes: s.n - s.m % 4, ..s }
}

fn sizes(shapes: &[(usize, usize, usize, usize)]) -> Vec<Sizes> {
    shapes.iter().map(|&(m, k, n, splits)| size(m, k, n, splits)).collect()
}

fn shapes() -> Vec<Sizes> {
    sizes(&SHAPES)
}

fn wide_shapes() -> Vec<Sizes> {
    sizes(&[&SHAPES[..], &WIDE_SHAPES].concat())
}

/// And those of many classes: EMNIST's, and as many as a data set may have.
fn class_shapes() -> Vec<Sizes> {
    let all = sizes(&[&SHAPES[..], &[(130, 4, 64, 1), (33, 8, 300, 1), (20, 4, 1_024, 1)]].concat());
    all.into_iter().map(with_classes).collect()
}

/// The same with whole words of 16 pixels a row, and the largest pictures.
fn wide_pixel_shapes() -> Vec<Sizes> {
    let largest = Sizes { m: 3, k: 1 << 18, n: 8, splits: 1, ..Sizes::default() };
    wide_shapes().into_iter().chain([largest]).map(|s| Sizes { k: s.k.next_multiple_of(16), ..s }).collect()
}

/// Batches of pictures: whole words of 16 pixels, and MNIST's size.
fn batch_shapes() -> Vec<Sizes> {
    let batches = sizes(&[&SHAPES[..], &[(128, 784, 4, 1)]].concat());
    batches.into_iter().map(|s| Sizes { k: s.k.next_multiple_of(16), ..s }).collect()
}

/// The same with the rows of a partial sum of the metrics in `k`.
fn count_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { k: 256, ..s }).collect()
}

/// The same as flat buffers of many lengths; what is added up in one loop stays below 60,000.
fn flat_shapes() -> Vec<Sizes> {
    shapes().into_iter().map(|s| Sizes { m: s.m.min(60_000), n: s.k * s.n * (1 + s.m / 64), ..s }).collect()
}

/// The flat ones, and more partial sums: one more than a single invocation adds up, and as many as a GPU leaves.
fn reduced_shapes() -> Vec<Sizes> {
    let more = [(1_000, 300, 17), (60_000, 9_728, 250)];
    let more = more.map(|(m, n, splits)| Sizes { m, n, splits, ..Sizes::default() });
    flat_shapes().into_iter().chain(more).collect()
}

/// The flat ones with 16 to 1,024 steps in `k`, few enough elements for the twin to stay fast.
fn chain_shapes() -> Vec<Sizes> {
    let steps = |(index, s): (usize, Sizes)| Sizes { n: s.n.min(16_388), k: 16 << (index % 7), ..s };
    flat_shapes().into_iter().enumerate().map(steps).collect()
}
