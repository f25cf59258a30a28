//! Is what is to be timed right? Kernels against their twins, iterations against the CPU engine, both
//! in f64.

use std::sync::Arc;

use super::{BenchError, Setup, recipe};
use crate::{
    data::Dataset,
    gpu::Device,
    kernels::{CheckError, Random, Shaders, Sizes, check, entry},
    plan::PlanKind,
    reference::CpuEngine,
    train::follow,
};

/// Most samples of a case.
const MAX_SAMPLES: usize = 4096;
/// A narrower case than this has one sample more or less in a tile: the tail stays what it is.
const TILE: usize = 64;
/// Products of a case: some tenths of a second for the twin in f64.
const PRODUCTS: usize = 200_000_000;
/// Iterations that are compared.
pub(super) const ITERATIONS: usize = 3;
/// Multiply-adds of the CPU engine in f64 for all of them together: some seconds.
const MULTIPLY_ADDS: usize = 15_000_000_000;

/// The sizes to verify a dispatch at: all its own but the samples, of which there are as many fewer as
/// the twin needs to be fast, by whole tiles. Without `k` the samples take no time.
pub(super) fn case_sizes(s: &Sizes) -> Sizes {
    let most = (PRODUCTS / (s.k * s.n.max(1)).max(1)).clamp(TILE, MAX_SAMPLES);
    let surplus = s.m.saturating_sub(most).next_multiple_of(TILE);
    match s.k {
        0 => *s,
        _ => Sizes { m: s.m.saturating_sub(surplus).max(s.m.min(1)), ..*s },
    }
}

/// Compares a kernel, as a file has it, at `sizes` with its twin; the first difference where there is one.
///
/// # Errors
/// What the device or the shader met.
pub(super) fn kernel(
    device: &Device,
    shaders: &Shaders,
    (name, file): (&str, &str),
    sizes: Sizes,
) -> Result<Option<String>, CheckError> {
    let entry = entry(name);
    let case = (entry.case)(sizes, &mut Random::new(1));
    let shader = shaders.get(file, &sizes)?;
    match check(device, entry, &shader, &case) {
        Ok(_) => Ok(None),
        Err(CheckError::Wrong { buffer, mismatch, .. }) => Ok(Some(format!("{buffer}: {mismatch}"))),
        Err(error) => Err(error),
    }
}

/// How many of the samples an iteration is verified on.
pub(super) fn samples(setup: &Setup) -> usize {
    let each = 3 * ITERATIONS * setup.shape.parameters();
    (MULTIPLY_ADDS / each).clamp(1, setup.data.train.len())
}

/// Trains [`ITERATIONS`] iterations on the device and on the CPU in f64; the first difference where
/// there is one.
///
/// # Errors
/// What the device or a shader met.
pub(super) fn iteration(setup: &Setup, kind: PlanKind) -> Result<Option<String>, BenchError> {
    let data = first(setup.data, samples(setup));
    let mut engine = setup.engine(&data, kind)?;
    let twin = CpuEngine::<f64>::new(data, setup.parameters().map(f64::from), &recipe());
    Ok(follow(&mut engine, twin, ITERATIONS)?.err())
}

/// The data with the first `len` training samples, and hardly any test samples: none is used.
fn first(data: &Arc<Dataset>, len: usize) -> Arc<Dataset> {
    if len == data.train.len() {
        return data.clone();
    }
    let mut part = Dataset::clone(data);
    part.train.truncate(len);
    part.test.truncate(1);
    Arc::new(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_fewer_samples_and_the_same_tail() {
        let sizes = |m, k, n| Sizes { m, k, n, splits: 9, classes: 3, ..Sizes::default() };
        let case = |m, k, n| case_sizes(&sizes(m, k, n));
        for (m, k, n) in [(60_000, 784, 12), (59_999, 1024, 1024), (4_097, 16_384, 16_384), (1_003, 20, 4)] {
            let case = case(m, k, n);
            assert!(case.m <= MAX_SAMPLES && case.m % TILE == m % TILE && case.m > 0, "{case:?}");
            assert!(case.m <= TILE || case.m * k * n <= PRODUCTS, "{case:?}");
            assert_eq!(Sizes { m, ..case }, sizes(m, k, n));
        }
        assert_eq!(case(1_003, 20, 4).m, 1_003);
        assert_eq!(case(60_000, 0, 7_936).m, 60_000);
    }
}
