//! Groups of lanes that sum up by shuffles: two lanes have the halves of the units of one image.

use super::{
    Sizes,
    shares::{MAX_MEMORY, MAX_REGISTERS, Shares},
};

/// Images a turn.
pub fn tile(s: &Sizes) -> usize {
    s.lanes / 2
}

fn half(s: &Sizes) -> usize {
    s.n.div_ceil(2)
}

fn shares(s: &Sizes) -> Shares {
    let wanted = Shares::new(s, s.words);
    if registers(s, &wanted) <= MAX_REGISTERS { wanted } else { Shares::new(s, 1) }
}

pub fn fits(s: &Sizes) -> bool {
    registers(s, &shares(s)) <= MAX_REGISTERS && memory(s) <= MAX_MEMORY
}

/// Pixels, weights and gradients, those of the other layers, and on top of these the sums of an image and
/// those that wait for other images, or later the classes of an image.
fn registers(s: &Sizes, shares: &Shares) -> usize {
    let sums = (2 + tile(s).ilog2() as usize) * half(s);
    shares.words * (tile(s) + 16 * half(s)) + 4 * shares.rounds(s) + sums.max(s.classes + 8)
}

/// Bytes of workgroup memory.
pub fn memory(s: &Sizes) -> usize {
    let (units, groups) = (s.n.div_ceil(4), shares(s).lanes / s.lanes);
    let quads = (groups + 1) * units + 2 * half(s).div_ceil(4) + s.classes.div_ceil(4);
    tile(s) * (16 * quads + 4 * s.classes)
}

pub fn constants(s: &Sizes) -> Vec<(&'static str, usize)> {
    shares(s).constants(s)
}
