//! Which variant of the kernels that multiply matrices runs: a rule from the adapter and the layer.

use crate::{gpu::Adapter, kernels::Sizes};

/// How products of matrices are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Products {
    /// An invocation for a few sums: runs everywhere, and is read first.
    #[default]
    Plain,
    /// 8 lanes for many sums, all in registers: software drivers. Of a subgroup of 16 lanes they are the
    /// first ones.
    EightLanes,
    /// A workgroup for a tile, staged in workgroup memory: GPUs.
    Tiled,
}

/// Smallest k x n where many sums a lane are faster on a software driver; pixels always are.
const MANY_SUMS: usize = 1_024;
/// Narrowest layer that fills half a tile.
const HALF_TILE: usize = 32;

impl Products {
    /// What an adapter gets.
    pub fn of(adapter: &Adapter) -> Self {
        match (adapter.is_software(), adapter.subgroups()) {
            (true, Some((8, 8) | (16, 16))) => Products::EightLanes,
            (false, _) if adapter.has_default_workgroups() => Products::Tiled,
            _ => Products::Plain,
        }
    }

    /// Whether it computes by a file, at some sizes at least.
    pub fn uses(self, file: &str) -> bool {
        match self {
            Products::Plain => !file.contains('.'),
            Products::EightLanes => !file.ends_with(".tiled"),
            Products::Tiled => !file.ends_with(".small_subgroups"),
        }
    }

    /// Whether a file runs on an adapter that gets this.
    pub fn runs(self, file: &str) -> bool {
        self == Products::EightLanes || !file.ends_with(".small_subgroups")
    }

    /// The file of a kernel at some sizes.
    pub fn file(self, kernel: &'static str, s: &Sizes) -> &'static str {
        let Some([eight_lanes, tiled]) = variants(kernel) else { return kernel };
        let of_pixels = kernel.ends_with("_pixels");
        let wide = match kernel {
            "matmul" | "matmul_pixels" => s.n >= HALF_TILE,
            "input_gradient" => s.k >= HALF_TILE,
            _ => s.n >= HALF_TILE && s.k >= HALF_TILE,
        };
        match self {
            Products::EightLanes if of_pixels || s.k * s.n >= MANY_SUMS => eight_lanes,
            Products::Tiled if wide => tiled,
            _ => kernel,
        }
    }
}

/// The files of a kernel for eight lanes, and for tiles.
fn variants(kernel: &str) -> Option<[&'static str; 2]> {
    Some(match kernel {
        "matmul" => ["matmul.small_subgroups", "matmul.tiled"],
        "matmul_pixels" => ["matmul_pixels.small_subgroups", "matmul_pixels.tiled"],
        "input_gradient" => ["input_gradient.small_subgroups", "input_gradient.tiled"],
        "weight_gradient" => ["weight_gradient.small_subgroups", "weight_gradient.tiled"],
        "weight_gradient_pixels" => {
            ["weight_gradient_pixels.small_subgroups", "weight_gradient_pixels.tiled"]
        }
        _ => return None,
    })
}

/// Units and inputs of a tile, TILE_M and TILE_N, of a file that sums gradients of weights in tiles.
pub(super) fn gradient_tile(file: &str) -> Option<[usize; 2]> {
    Some(match file {
        "weight_gradient.small_subgroups" => [32, 64],
        "weight_gradient_pixels.small_subgroups" => [16, 128],
        "weight_gradient.tiled" | "weight_gradient_pixels.tiled" => [64, 128],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Shaders, entry};

    #[test]
    fn tiles_of_gradients_are_those_of_the_files() {
        let shaders = Shaders::load(None).unwrap();
        for kernel in ["weight_gradient", "weight_gradient_pixels"] {
            assert_eq!(gradient_tile(kernel), None);
            for file in variants(kernel).unwrap() {
                let shader = shaders.get(file, &Sizes::default()).unwrap();
                let tile = ["TILE_M", "TILE_N"].map(|name| shader.constant(name).unwrap());
                assert_eq!(gradient_tile(file), Some(tile), "{file}");
            }
        }
    }

    #[test]
    fn every_variant_is_a_registered_file_of_its_kernel() {
        for kernel in
            ["matmul", "matmul_pixels", "input_gradient", "weight_gradient", "weight_gradient_pixels"]
        {
            let files: Vec<_> = entry(kernel).unwrap().sources.iter().map(|source| source.name).collect();
            assert_eq!(files[0], kernel);
            assert_eq!(files[1..], variants(kernel).unwrap());
        }
        assert_eq!(variants("relu"), None);
    }

    #[test]
    fn wide_layers_get_tiles_and_narrow_ones_do_not() {
        let sizes = |k, n| Sizes { m: 100, k, n, ..Sizes::default() };
        let (wide, narrow) = (sizes(784, 128), sizes(784, 12));
        assert_eq!(Products::Tiled.file("matmul_pixels", &wide), "matmul_pixels.tiled");
        assert_eq!(Products::Tiled.file("matmul_pixels", &narrow), "matmul_pixels");
        assert_eq!(Products::EightLanes.file("matmul_pixels", &narrow), "matmul_pixels.small_subgroups");
        assert_eq!(Products::EightLanes.file("matmul", &sizes(12, 12)), "matmul");
        assert_eq!(Products::Plain.file("matmul", &wide), "matmul");
        assert_eq!(Products::Tiled.file("relu", &wide), "relu");
    }
}
