//! Workgroups that share an image: how lanes share it out, on GPUs with subgroups and without.

use super::Sizes;

/// Lanes of a workgroup at most: what WebGPU guarantees.
const MAX_LANES: usize = 256;
/// Bytes of its memory at most: the same.
pub const MAX_MEMORY: usize = 16 << 10;
/// Numbers that a lane keeps in registers at most. What GPUs compute with on the way needs some, too: with
/// 205 of them AMD's compiler spills none, nor does NVIDIA's for sm_90 and sm_120; for sm_80 to sm_89 it spills
/// some 100 bytes.
pub const MAX_REGISTERS: usize = 205;
/// Lanes come in the subgroups of most GPUs.
const LANES: usize = 32;

/// How an image is shared out.
pub struct Shares {
    /// Words of 4 pixels of a lane.
    pub words: usize,
    /// Lanes of a workgroup.
    pub lanes: usize,
}

impl Shares {
    /// With at least so many words for each lane, where an image has them.
    pub fn new(s: &Sizes, words: usize) -> Self {
        let image = s.k / 4;
        let words = image.div_ceil(MAX_LANES).max(words.min(image.div_ceil(LANES)));
        Shares { words, lanes: image.div_ceil(words).next_multiple_of(LANES) }
    }

    /// Quads of the gradients of b1, w2 and b2 that a lane adds up.
    pub fn rounds(&self, s: &Sizes) -> usize {
        let (units, classes) = (s.n.div_ceil(4), s.classes.div_ceil(4));
        (s.classes * units + units + classes).div_ceil(self.lanes)
    }

    /// What `fused_gpu.wgsl` cannot work out from `HIDDEN`, `CLASSES` and the places of the parameters.
    pub fn constants(&self, s: &Sizes) -> Vec<(&'static str, usize)> {
        vec![("WORKGROUP", self.lanes), ("LANES", s.lanes), ("IMAGE", s.k / 4), ("WORDS", self.words)]
    }
}
