//! Workgroups of one small subgroup: software drivers.

use super::Sizes;

/// Pixels of a lane and classes, for each of its units, at most: what is written out for them. Beyond,
/// software drivers take more than some seconds to compile.
pub const MAX_REGISTERS: usize = 1_100;

/// Words of a lane, and classes, at most: the loops over them are unrolled.
const MAX_UNROLLED: usize = 256;
/// Pixels of a lane that a small image counts as: what else a unit takes is not less for it.
const MIN_PIXELS: usize = 20;

/// Images a turn, which `Turn`, `forward` and `turn_sums` are written for: twice as many would need more registers than a CPU
/// has, and half as many more loads of weights.
pub const TURN: usize = 4;
/// Texels of the longest side of a texture that WebGPU guarantees.
const MAX_SIDE: usize = 8_192;

pub fn fits(s: &Sizes) -> bool {
    let [strips, _] = shares(s);
    4 * strips <= MAX_UNROLLED
        && s.classes <= MAX_UNROLLED
        && texture_row(s.k) > 0
        && ((s.k / s.lanes).max(MIN_PIXELS) + s.classes) * s.n <= MAX_REGISTERS
}

/// Strips of 16 pixels of a lane, and quads of an image that they leave.
fn shares(s: &Sizes) -> [usize; 2] {
    let quads = s.k / 16;
    [quads / s.lanes, quads % s.lanes]
}

/// Quads in a row of the pixels' texture: those of a power of 2 of images, by which a shader divides
/// quickly, in a multiple of 256 bytes, as rows of a copy must be; 0 where a row cannot hold them.
fn texture_row(k: usize) -> usize {
    let quads = k / 16;
    let images = (MAX_SIDE / quads.max(1)).checked_ilog2().map_or(0, |log| 1 << log);
    if (images * quads).is_multiple_of(16) { images * quads } else { 0 }
}

/// Images that the texture holds.
pub fn texture_images(k: usize) -> usize {
    MAX_SIDE * texture_row(k) * 16 / k
}

/// What the file cannot work out from `HIDDEN`, `CLASSES` and the places of the parameters.
pub fn constants(s: &Sizes) -> Vec<(&'static str, usize)> {
    vec![("LANES", s.lanes), ("QUADS", s.k / 16), ("ROW", texture_row(s.k))]
}
