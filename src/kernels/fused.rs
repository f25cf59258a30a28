//! The sizes that `fused_step` is compiled for, and the networks that it serves.

use super::{Constants, Sizes};

/// Each tensor of the parameters starts at a multiple of this many numbers, so that it can be bound.
pub const ALIGN: usize = 64;
/// Images that a workgroup takes at least.
const SPLIT_ROWS: usize = 256;
/// Workgroups at most. (On a software driver each takes a core, and what starts and ends it costs
/// some hundredths of its time.)
const MOST_SPLITS: usize = 16;
/// Images that a workgroup takes at most: its turns are one loop, and some drivers stop a loop at
/// 65,535.
const MOST_SPLIT_ROWS: usize = 100_000;
/// Numbers that a lane keeps in registers at most: beyond, software drivers take more than some
/// seconds to compile.
const MOST_REGISTERS: usize = 1_100;

/// Sizes to show the kernel with: the default network, on Mesa's software driver.
pub const EXAMPLE: Sizes = Sizes { m: 60_000, k: 784, n: 10, splits: MOST_SPLITS, classes: 10, lanes: 8 };

/// Ranges that `m` images are split into.
pub fn splits(m: usize) -> usize {
    m.div_ceil(SPLIT_ROWS).min(MOST_SPLITS).max(m.div_ceil(MOST_SPLIT_ROWS))
}

/// The most hidden units that the kernel serves, for images of `k` padded pixels; 0 where none.
pub fn most_hidden(k: usize, classes: usize, lanes: usize) -> usize {
    let sizes = |n| Sizes { k, n, classes, lanes, ..Sizes::default() };
    let fits = |&n: &usize| registers(&sizes(n)) <= MOST_REGISTERS;
    (1..=MOST_REGISTERS).take_while(fits).last().unwrap_or(0)
}

/// Weights of a lane.
fn registers(s: &Sizes) -> usize {
    let (strips, rests) = strips(s);
    (16 * strips + 4 * rests + s.classes) * s.n
}

/// Strips of 16 pixels a lane, and strips of 4 for what is left of an image.
fn strips(s: &Sizes) -> (usize, usize) {
    let quads = s.k / 16;
    let strips = (quads / s.lanes).max(1);
    let left = quads.saturating_sub(strips * s.lanes);
    (strips, (4 * left).div_ceil(s.lanes).max(1))
}

/// The `const` lines of the kernel. `n` is the number of hidden units, without padding.
pub fn constants(s: &Sizes) -> Constants {
    let (strips, rests) = strips(s);
    let padded = s.n.next_multiple_of(4);
    let tensor = |len: usize| len.next_multiple_of(ALIGN) / 4;
    let b1 = tensor(padded * s.k);
    let w2 = b1 + tensor(padded);
    let b2 = w2 + tensor(s.classes.next_multiple_of(4) * padded);
    let len = b2 + tensor(s.classes);
    [
        ("LANES", s.lanes),
        ("LOG_LANES", s.lanes.ilog2() as usize),
        ("QUADS", s.k / 16),
        ("STRIPS", strips),
        ("RESTS", rests),
        ("HIDDEN", s.n),
        ("HIDDEN_PADDED", padded),
        ("CLASSES", s.classes),
        ("B1", b1),
        ("W2", w2),
        ("B2", b2),
        ("LEN", len),
        ("HEAD", (len - b1).div_ceil(s.lanes)),
        ("WORKGROUP", s.lanes),
    ]
    .map(|(name, value)| (name, value as u32))
    .into()
}

/// Sizes to prove the kernel at.
pub fn shapes() -> Vec<Sizes> {
    let sizes = |&(m, k, n, classes, splits): &(usize, usize, usize, usize, usize)| Sizes {
        m,
        k,
        n,
        splits,
        classes,
        lanes: 8,
    };
    [
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
    ]
    .iter()
    .map(sizes)
    .collect()
}
