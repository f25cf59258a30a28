//! What a device is like, as far as it decides which kernels run: a fixed rule from its adapter.

use super::fused::FusedStep;
use crate::gpu::Adapter;

/// What decides the files of the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceProfile {
    /// The variant of `fused_step`, if one runs well.
    pub fused_step: Option<FusedStep>,
    /// Workgroups that fill the device.
    pub workgroups: usize,
    /// Bytes of the largest range of a buffer that a kernel may see.
    pub max_binding: u64,
    /// Bytes of activations that a chunk of rows may take.
    pub activation_bytes: usize,
    /// How matrices are multiplied.
    pub matmul: MatmulKind,
}

/// How matrices are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatmulKind {
    /// An invocation for a few sums: runs everywhere, and is read first.
    #[default]
    Plain,
    /// 8 lanes for many sums, all in registers: software drivers. Of a subgroup of 16 lanes they are the
    /// first ones.
    SmallSubgroups,
    /// A workgroup for a tile, staged in workgroup memory: GPUs.
    Tiled,
}

/// The smallest subgroup that the small kernels are written for: a lane of 4 would hold twice the weights of
/// one of 8, and drivers take ten seconds and more to compile that.
const MIN_LANES: u32 = 8;
/// The largest subgroup that counts as a small one.
const MAX_LANES: u32 = 16;
/// Workgroups for a discrete GPU, whose number of cores no driver reports: two for each of 128 cores, which run
/// them all at once for the default network, as 132 nearly fill. Other numbers of cores take them in rounds.
const DISCRETE: usize = 256;
/// Workgroups for any other GPU, which has 8 to 40 cores.
const INTEGRATED: usize = 64;

/// Bytes of activations that pass at once on software drivers. (Fewer, that stay in a cache, are no faster.)
const SOFTWARE_ACTIVATIONS: usize = 64 << 20;
/// The same on GPUs, whose many cores want more rows for each dispatch.
const GPU_ACTIVATIONS: usize = 256 << 20;

impl Default for DeviceProfile {
    /// What runs everywhere, by what WebGPU guarantees.
    fn default() -> Self {
        DeviceProfile {
            fused_step: None,
            workgroups: INTEGRATED,
            max_binding: 128 << 20,
            activation_bytes: SOFTWARE_ACTIVATIONS,
            matmul: MatmulKind::Plain,
        }
    }
}

impl DeviceProfile {
    /// The profile of an adapter.
    pub fn of(adapter: &Adapter) -> Self {
        let discrete = adapter.kind() == "discrete";
        let fused_step = match small_subgroups(adapter) {
            None if adapter.is_software() || !adapter.has_default_workgroups() => None,
            None => Some(FusedStep::for_subgroups(adapter.subgroups().map(|(least, _)| least), discrete)),
            small => small,
        };
        DeviceProfile {
            fused_step,
            workgroups: if discrete { DISCRETE } else { INTEGRATED },
            max_binding: adapter.max_binding(),
            activation_bytes: if adapter.is_software() { SOFTWARE_ACTIVATIONS } else { GPU_ACTIVATIONS },
            matmul: MatmulKind::of(adapter),
        }
    }

    /// All profiles that an adapter can run kernels by, whether they run well or not: for tests and for
    /// `bench --compile`. One for each variant of `fused_step`, its numbers of lanes and words.
    pub fn every(adapter: &Adapter) -> Vec<Self> {
        let least = adapter.subgroups().map_or(0, |(least, _)| least as usize);
        let shares = [(4, 1), (8, 1), (8, 2), (16, 1), (16, 2)].into_iter();
        let of_subgroups = shares
            .filter(|&(lanes, _)| lanes <= least)
            .map(|(lanes, words)| FusedStep::Subgroups { lanes, words });
        let all = small_subgroups(adapter).into_iter().chain(of_subgroups).chain([FusedStep::Workgroup]);
        all.map(|variant| DeviceProfile { fused_step: Some(variant), ..DeviceProfile::of(adapter) }).collect()
    }
}

impl MatmulKind {
    fn of(adapter: &Adapter) -> Self {
        match (adapter.is_software(), adapter.subgroups()) {
            (true, Some((8, 8) | (16, 16))) => MatmulKind::SmallSubgroups,
            (false, _) if adapter.has_default_workgroups() => MatmulKind::Tiled,
            _ => MatmulKind::Plain,
        }
    }
}

/// The variant for software drivers whose subgroups all have the same few lanes.
fn small_subgroups(adapter: &Adapter) -> Option<FusedStep> {
    let (least, most) = adapter.subgroups().filter(|_| adapter.is_software())?;
    let small = least == most && (MIN_LANES..=MAX_LANES).contains(&most);
    small.then_some(FusedStep::SmallSubgroups(most as usize))
}
