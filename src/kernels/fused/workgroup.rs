//! Large workgroups without subgroups: a tile has as many images as a group has lanes.

use super::{
    Sizes,
    shares::{MAX_MEMORY, MAX_REGISTERS, Shares},
};

fn shares(s: &Sizes) -> Shares {
    Shares::new(s, 1)
}

pub fn fits(s: &Sizes) -> bool {
    registers(s) <= MAX_REGISTERS && memory(s) <= MAX_MEMORY
}

/// As for the variant with subgroups, but no sums wait.
fn registers(s: &Sizes) -> usize {
    let shares = shares(s);
    shares.words * (s.lanes + 8 * s.n) + 4 * shares.rounds(s) + s.n.max(s.classes + 8)
}

/// Bytes of workgroup memory: sums, which are first those of a unit, and what follows.
pub fn memory(s: &Sizes) -> usize {
    let (lanes, units) = (shares(s).lanes, s.n.div_ceil(4));
    let sums = (lanes * units).max(s.lanes / 4 * (lanes + 1));
    16 * sums + s.lanes * (16 * (2 * units + s.classes.div_ceil(4)) + 4 * s.classes)
}

pub fn constants(s: &Sizes) -> Vec<(&'static str, usize)> {
    shares(s).constants(s)
}
