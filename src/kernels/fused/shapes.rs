//! The sizes that `fused_step` is checked at. The variants of one network are compiled for its sizes, and not for
//! the samples and splits: the tiny shapes share a network.

use crate::kernels::{Shapes, Sizes};

/// Samples, inputs, units without padding, classes, splits.
type Shape = (usize, usize, usize, usize, usize);

/// More samples than some drivers let a loop run, and around a tile.
const TINY: [Shape; 3] = [(37, 16, 3, 10, 3), (8, 16, 3, 10, 1), (70_001, 16, 3, 10, 3)];
const USUAL: Shape = (4_001, 784, 10, 10, 4);

/// Sizes to check the kernel at.
pub static SHAPES: Shapes = Shapes {
    tiny: || TINY.map(sizes).to_vec(),
    usual: || sizes(USUAL),
    thorough: || THOROUGH.map(sizes).to_vec(),
};

fn sizes((m, k, n, classes, splits): Shape) -> Sizes {
    Sizes { m, k, n, splits, classes, ..Sizes::default() }
}

const THOROUGH: [Shape; 19] = [
    (1, 16, 1, 1, 1),
    (2, 16, 1, 2, 1),
    (3, 32, 2, 3, 1),
    (4, 64, 3, 2, 2),
    (5, 128, 4, 4, 1),
    (7, 144, 5, 7, 3),
    (31, 160, 6, 5, 4),
    (64, 256, 7, 11, 5),
    (65, 272, 3, 13, 2),
    (257, 400, 5, 10, 13),
    (1_009, 784, 2, 10, 7),
    (4_096, 784, 10, 10, 16),
    (70_001, 16, 2, 3, 1),
    (70_001, 32, 3, 10, 100),
    (300, 1_024, 2, 30, 6),
    (130, 48, 9, 30, 3),
    (131, 32, 18, 10, 3),
    (131, 784, 17, 10, 3),
    (10, 32, 3, 2, 7),
];
