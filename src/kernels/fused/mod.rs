//! The variants of `fused_step`, the sizes that each is compiled for, and the networks that it serves.

mod shapes;
mod shares;
mod small;
mod subgroups;
mod workgroup;

pub use shapes::SHAPES;

use super::{Constants, Sizes};
use crate::net::ALIGN;

/// Workgroups on software drivers, where each takes a core: as many as reduce_update adds up without sharing.
const SOFTWARE_SPLITS: usize = 16;
/// Of fewer images there are as many workgroups as keep about this many each: what starts and ends one
/// takes as long as some hundred images.
const SOFTWARE_ROWS: usize = 1_024;
/// Images that a workgroup takes at most: its turns are one loop, and some drivers stop a loop at
/// 65,535.
const MAX_SPLIT_ROWS: usize = 100_000;

/// A variant of `fused_step`, with the lanes that work as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FusedStep {
    /// Workgroups of one subgroup, of 8 to 16 lanes: software drivers.
    SmallSubgroups(usize),
    /// Large workgroups that sum over groups of lanes; each subgroup is one group or several.
    Subgroups {
        /// Lanes of a group: a power of 2 from 4 on.
        lanes: usize,
        /// Words of 4 pixels wanted for a lane: one where the image or its registers are too small, more where
        /// a workgroup is too small for the image. Two have their weights and gradients in 160 registers for 10
        /// units.
        words: usize,
    },
    /// The same without subgroups.
    Workgroup,
}

impl FusedStep {
    /// The variant for a GPU whose smallest subgroups have `least` lanes. A discrete one with large subgroups
    /// has 256 registers for a lane: those of NVIDIA and AMD do.
    pub fn for_subgroups(least: Option<u32>, discrete: bool) -> Self {
        match least {
            Some(least @ 8..) => {
                let words = if discrete && least >= 32 { 2 } else { 1 };
                FusedStep::Subgroups { lanes: least.min(16) as usize, words }
            }
            _ => FusedStep::Workgroup,
        }
    }

    /// The name of its file.
    pub fn file(self) -> &'static str {
        match self {
            FusedStep::SmallSubgroups(_) => SMALL_SUBGROUPS,
            FusedStep::Subgroups { .. } => SUBGROUPS,
            FusedStep::Workgroup => WORKGROUP,
        }
    }

    /// Lanes that work as one.
    pub fn lanes(self) -> usize {
        match self {
            FusedStep::SmallSubgroups(lanes) | FusedStep::Subgroups { lanes, .. } => lanes,
            // Some compilers for these devices take long for a tile of 16, and twice the memory.
            FusedStep::Workgroup => 8,
        }
    }

    /// `sizes` as this variant is compiled for.
    pub fn at(self, sizes: Sizes) -> Sizes {
        let words = if let FusedStep::Subgroups { words, .. } = self { words } else { 1 };
        Sizes { lanes: self.lanes(), words, ..sizes }
    }

    /// Images a turn.
    fn tile(self) -> usize {
        match self {
            FusedStep::SmallSubgroups(_) => small::TURN,
            FusedStep::Subgroups { .. } => subgroups::tile(&self.at(Sizes::default())),
            FusedStep::Workgroup => self.lanes(),
        }
    }

    /// Ranges that `m` images are split into, one for each workgroup, on a GPU at most `most`. There
    /// they have about two tiles each or more, and are as few as leave none with more tiles than `most`
    /// ranges would: all workgroups then end together, and leave few partial sums.
    pub fn splits(self, m: usize, most: usize) -> usize {
        match self {
            FusedStep::SmallSubgroups(_) => {
                m.div_ceil(SOFTWARE_ROWS).min(SOFTWARE_SPLITS).max(m.div_ceil(MAX_SPLIT_ROWS))
            }
            _ => {
                let tiles = m.div_ceil(self.tile()).max(1);
                tiles.div_ceil(tiles.div_ceil(most).clamp(2, MAX_SPLIT_ROWS / self.tile()))
            }
        }
    }

    /// The most hidden units that it serves, for images of `k` padded pixels; 0 where none.
    pub fn max_hidden(self, k: usize, classes: usize) -> usize {
        (1..=small::MAX_REGISTERS).take_while(|&n| self.fits(k, n, classes)).last().unwrap_or(0)
    }

    /// The most classes that it serves, for images of `k` padded pixels and `n` hidden units; 0 where none.
    pub fn max_classes(self, k: usize, n: usize) -> usize {
        (1..=small::MAX_REGISTERS).take_while(|&classes| self.fits(k, n, classes)).last().unwrap_or(0)
    }

    fn fits(self, k: usize, n: usize, classes: usize) -> bool {
        let sizes = self.at(Sizes { k, n, classes, ..Sizes::default() });
        match self {
            FusedStep::SmallSubgroups(_) => small::fits(&sizes),
            FusedStep::Subgroups { .. } => subgroups::fits(&sizes),
            FusedStep::Workgroup => workgroup::fits(&sizes),
        }
    }

    /// The most images of `k` padded pixels that it can see at once, as our file declares them, where a
    /// kernel may see slices of at most `max_binding` bytes.
    pub fn max_images(self, k: usize, max_binding: u64) -> usize {
        match self {
            FusedStep::SmallSubgroups(_) => small::texture_images(k),
            _ => usize::try_from(max_binding).unwrap_or(usize::MAX) / k,
        }
    }
}

const SMALL_SUBGROUPS: &str = "fused_step.small_subgroups";
const SUBGROUPS: &str = "fused_step.subgroups";
const WORKGROUP: &str = "fused_step.workgroup";

/// Sizes to show a file with: the default network, on Mesa's software driver or on a discrete GPU.
pub fn example(file: &str) -> Sizes {
    let sizes = Sizes { m: 60_000, k: 784, n: 10, splits: 16, classes: 10, ..Sizes::default() };
    let gpu = FusedStep::Subgroups { lanes: 16, words: 2 };
    let variants = [FusedStep::SmallSubgroups(8), gpu, FusedStep::Workgroup];
    variants.iter().find(|variant| variant.file() == file).map_or(sizes, |variant| variant.at(sizes))
}

/// The `const` lines of a file, the same for any number of images. `n` is the number of hidden units,
/// without padding.
pub fn constants(file: &str, s: &Sizes) -> Constants {
    let own = match file {
        SMALL_SUBGROUPS => small::constants(s),
        SUBGROUPS => subgroups::constants(s),
        _ => workgroup::constants(s),
    };
    let all = [("HIDDEN", s.n), ("CLASSES", s.classes)];
    let values = all.into_iter().chain(places(s)).chain(own);
    values.map(|(name, value)| (name, value as u32)).collect()
}

/// Where the tensors start in the parameters, and their length, in quads of numbers.
pub fn places(s: &Sizes) -> [(&'static str, usize); 4] {
    let padded = s.n.next_multiple_of(4);
    let tensor = |len: usize| len.next_multiple_of(ALIGN) / 4;
    let b1 = tensor(padded * s.k);
    let w2 = b1 + tensor(padded);
    let b2 = w2 + tensor(s.classes.next_multiple_of(4) * padded);
    [("B1", b1), ("W2", w2), ("B2", b2), ("LEN", b2 + tensor(s.classes))]
}

/// Two products and a sum over the samples for every weight, and two more for w2 into the layer below.
pub fn flops(s: &Sizes) -> usize {
    s.m * (4 * s.n * s.k + 6 * s.n * s.classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Shaders;

    #[test]
    fn small_subgroups_serve_what_can_be_written_out() {
        let most = |k| FusedStep::SmallSubgroups(8).max_hidden(k, 10);
        assert_eq!([16, 64, 784, 8_192, 8_464].map(most), [36, 36, 10, 1, 0]);
    }

    /// The whole numbers among the constants of the file for small subgroups.
    fn small_constants(shaders: &Shaders, sizes: &Sizes) -> impl Fn(&str) -> usize + use<> {
        let shader = shaders.get(SMALL_SUBGROUPS, sizes).unwrap();
        move |name| shader.interface.constants[name] as usize
    }

    #[test]
    fn every_pixel_has_one_lane_and_rows_of_the_texture_are_copied_whole() {
        let shaders = Shaders::load(None).unwrap();
        for lanes in [8, 16] {
            let served =
                |k: &usize| small::fits(&Sizes { k: *k, n: 1, classes: 1, lanes, ..Sizes::default() });
            let most = (16..=8_192).step_by(16).filter(served).last();
            assert_eq!(most, Some(8_192), "{lanes} lanes");
            for k in (16..=8_192).step_by(416).chain([784, 8_192]) {
                let sizes = Sizes { k, n: 1, classes: 1, lanes, ..Sizes::default() };
                if !small::fits(&sizes) {
                    continue;
                }
                let value = small_constants(&shaders, &sizes);
                assert_eq!(lanes * (4 * value("WORDS") + value("SINGLES")), k, "{lanes} lanes");
                assert_eq!(value("QUADS"), lanes * value("STRIPS") + value("RESTS"));
                assert!(value("WORDS") <= 256, "{k} pixels: {} words", value("WORDS"));
                let row = value("ROW");
                let whole = row.is_multiple_of(16) && row.is_multiple_of(value("QUADS"));
                assert!(row <= 8_192 && whole, "{k} pixels: {row}");
            }
        }
    }

    #[test]
    fn every_class_has_one_group_and_no_group_has_one_too_many() {
        let shaders = Shaders::load(None).unwrap();
        for (lanes, classes) in [8, 16].into_iter().flat_map(|lanes| (1..=40).map(move |c| (lanes, c))) {
            let sizes = Sizes { k: 16, n: 1, classes, lanes, ..Sizes::default() };
            let value = small_constants(&shaders, &sizes);
            assert_eq!(value("TURN"), small::TURN);
            assert_eq!(value("GROUPS") * value("TURN"), lanes);
            assert!(value("GROUPS") * value("OWN") >= classes, "{lanes} lanes, {classes} classes");
            assert!(value("GROUPS") * (value("OWN") - 1) < classes, "{lanes} lanes, {classes} classes");
        }
    }

    #[test]
    fn a_gpu_gets_the_lanes_and_words_that_it_has_registers_for() {
        let subgroups = |lanes, words| FusedStep::Subgroups { lanes, words };
        for (least, discrete, expected) in [
            (Some(32), true, subgroups(16, 2)),
            (Some(64), true, subgroups(16, 2)),
            (Some(32), false, subgroups(16, 1)),
            (Some(16), true, subgroups(16, 1)),
            (Some(8), true, subgroups(8, 1)),
            (Some(4), true, FusedStep::Workgroup),
            (None, true, FusedStep::Workgroup),
        ] {
            assert_eq!(FusedStep::for_subgroups(least, discrete), expected, "{least:?}, {discrete}");
        }
    }

    #[test]
    fn workgroups_have_equal_work() {
        for (m, lanes, most, expected) in [
            (60_000, 16, 256, 250), // 30 tiles of 8 each
            (60_000, 16, 64, 64),
            (60_000, 8, 64, 64),
            (1, 16, 256, 1),
            (17, 16, 256, 2),
            (2_500, 16, 256, 157),
            (15_360_000, 8, 64, 154),
        ] {
            let found = FusedStep::Subgroups { lanes, words: 1 }.splits(m, most);
            assert_eq!(found, expected, "{m} images, groups of {lanes} lanes, {most} workgroups");
            assert!(m.div_ceil(found) <= MAX_SPLIT_ROWS);
        }
    }

    #[test]
    fn workgroup_memory_is_what_the_files_declare() {
        let shaders = Shaders::load(None).unwrap();
        for (k, n, classes) in [(16, 1, 1), (32, 18, 10), (784, 10, 10), (784, 16, 3), (1_024, 5, 30)] {
            for variant in [8, 16].map(|lanes| FusedStep::Subgroups { lanes, words: 2 }) {
                let sizes = variant.at(Sizes { k, n, classes, ..Sizes::default() });
                assert_eq!(declared(&shaders, variant, &sizes), subgroups::memory(&sizes), "{sizes:?}");
            }
            let sizes = FusedStep::Workgroup.at(Sizes { k, n, classes, ..Sizes::default() });
            assert_eq!(
                declared(&shaders, FusedStep::Workgroup, &sizes),
                workgroup::memory(&sizes),
                "{sizes:?}"
            );
        }
    }

    /// Bytes of workgroup memory of a variant's file.
    fn declared(shaders: &Shaders, variant: FusedStep, sizes: &Sizes) -> usize {
        let shader = shaders.get(variant.file(), sizes).unwrap();
        let any: Vec<_> = shader.interface.open_overrides.iter().map(|name| (name.clone(), 1.0)).collect();
        shader.workgroup(&any).unwrap().memory as usize
    }

    #[test]
    fn a_lane_of_a_gpu_owns_what_fits_into_its_registers() {
        let shares = |k, n, words| {
            let sizes = Sizes { k, n, classes: 10, lanes: 16, words, ..Sizes::default() };
            let constants = subgroups::constants(&sizes);
            let value = |name| constants.iter().find(|(found, _)| *found == name).unwrap().1;
            (value("WORDS"), value("WORKGROUP"))
        };
        assert_eq!(shares(784, 10, 2), (2, 128));
        assert_eq!(shares(784, 10, 1), (1, 224));
        assert_eq!(shares(784, 11, 2), (1, 224)); // two words would take too many
        assert_eq!(shares(1_024, 10, 1), (1, 256));
        assert_eq!(shares(128, 10, 2), (1, 32)); // no lane needs a second one
    }
}
