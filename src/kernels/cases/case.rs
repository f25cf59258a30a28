//! What each kernel must compute, from its CPU twin in f64.
//!
//! The bound of an element is (length of the sum) x 2^-23 x (sum of the absolute products): the
//! twin run on absolute values gives the second factor.

use ndarray::{Array, Array1, Array2, Dimension};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{Overrides, Sizes};
use crate::{compare::Expected, gpu::Shader, reference};

/// Distance of 1 to the next f32.
pub(super) const ULP: f64 = 1.0 / 8_388_608.0;
/// The learning rate of the cases.
pub const ALPHA: f64 = 0.1;
/// The place of the cases' counter in `samples_seen`.
pub const COUNTER: usize = 2;

/// Numbers of a buffer.
#[derive(Debug, Clone, PartialEq)]
pub enum Tensor {
    /// `f32`s
    F32(Vec<f32>),
    /// `u32`s
    U32(Vec<u32>),
}

impl Tensor {
    fn len(&self) -> usize {
        match self {
            Tensor::F32(values) => values.len(),
            Tensor::U32(values) => values.len(),
        }
    }
}

/// Buffers before a dispatch, and what is expected of them after it.
pub struct Case {
    /// Sizes of the dispatch.
    pub sizes: Sizes,
    /// What else its kernel is compiled with.
    pub overrides: Overrides,
    /// Contents before it. What is not in `expected` must not change.
    pub given: Vec<(&'static str, Tensor)>,
    /// Contents after it. What is not in `given` starts as poison.
    pub expected: Vec<(&'static str, Expected)>,
}

/// Seeded numbers.
pub struct Random(ChaCha8Rng);

impl Random {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Self {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 up to below `limit`.
    pub fn below(&mut self, limit: usize) -> u32 {
        self.0.next_u32() % limit as u32
    }

    /// From -1 up to 1.
    fn number(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0
    }

    pub(super) fn matrix(&mut self, rows: usize, columns: usize) -> Array2<f32> {
        Array2::from_shape_simple_fn((rows, columns), || self.number())
    }

    pub(super) fn vector(&mut self, len: usize) -> Array1<f32> {
        Array1::from_shape_simple_fn(len, || self.number())
    }

    pub(super) fn bytes(&mut self, rows: usize, columns: usize) -> Array2<u8> {
        Array2::from_shape_simple_fn((rows, columns), || self.0.next_u32() as u8)
    }

    pub(super) fn labels(&mut self, len: usize, classes: usize) -> Vec<u16> {
        (0..len).map(|_| self.below(classes) as u16).collect()
    }
}

impl Case {
    pub(super) fn new(sizes: Sizes) -> Self {
        let overrides = Overrides { counter: COUNTER, ..Overrides::default() };
        Case { sizes, overrides, given: Vec::new(), expected: Vec::new() }
    }

    /// A value for each override of a shader.
    pub(in crate::kernels) fn override_values(&self, shader: &Shader) -> Vec<(String, f64)> {
        self.overrides.named_values(&self.sizes, &shader.interface)
    }

    /// Bytes of a buffer.
    pub fn bytes(&self, name: &str) -> Option<u64> {
        let given = self.given.iter().find(|(known, _)| *known == name).map(|(_, tensor)| tensor.len());
        let expected = || self.expected.iter().find(|(known, _)| *known == name).map(|(_, e)| e.values.len());
        Some(4 * given.or_else(expected)? as u64)
    }

    /// The case with other overrides.
    pub(super) fn set(mut self, change: impl FnOnce(&mut Overrides)) -> Self {
        change(&mut self.overrides);
        self
    }

    pub(super) fn f32<D: Dimension>(mut self, name: &'static str, values: &Array<f32, D>) -> Self {
        self.given.push((name, Tensor::F32(values.iter().copied().collect())));
        self
    }

    pub(super) fn u32(mut self, name: &'static str, values: Vec<u32>) -> Self {
        self.given.push((name, Tensor::U32(values)));
        self
    }

    pub(super) fn u8(self, name: &'static str, bytes: &Array2<u8>) -> Self {
        let flat: Vec<u8> = bytes.iter().copied().collect();
        self.u32(name, bytemuck::pod_collect_to_vec(&flat))
    }

    pub(super) fn expect(mut self, name: &'static str, expected: Expected) -> Self {
        self.expected.push((name, expected));
        self
    }

    /// The counter beside a sum over all samples, which goes on from where it was.
    pub(super) fn counting(self) -> Self {
        let mut after = vec![7.0; COUNTER + 2];
        after[COUNTER] += self.sizes.m as f64;
        self.u32("samples_seen", vec![7; COUNTER + 2]).expect("samples_seen", Expected::exact(after))
    }
}

/// A twin's result, and its bound for sums of `terms` terms; `twin` maps its inputs by the function
/// it is given.
pub(super) fn bounded<D: Dimension>(
    terms: usize,
    twin: impl Fn(fn(f32) -> f64) -> Array<f64, D>,
) -> Expected {
    let values = twin(f64::from).iter().copied().collect();
    let magnitudes = twin(|value| f64::from(value.abs()));
    Expected { values, bounds: magnitudes.iter().map(|m| m * terms as f64 * ULP).collect() }
}

pub(super) fn exact<D: Dimension>(values: &Array<f64, D>) -> Expected {
    Expected::exact(values.iter().copied().collect())
}

/// Multiples of 1/8 from -8 to 8: zeros and ties are frequent.
pub(super) fn eighths(random: &mut Random, s: Sizes) -> Array2<f32> {
    random.matrix(s.m, s.n).mapv(|value| (value * 64.0).round() / 8.0)
}

pub(in crate::kernels) fn copy(s: Sizes, random: &mut Random) -> Case {
    let x = random.vector(s.n);
    Case::new(s).f32("x", &x).expect("y", exact(&reference::copy(x.mapv(f64::from).view())))
}

/// `s.k` steps: two roundings each where a multiply-add is no fused one, which later steps shrink.
pub(in crate::kernels) fn multiply_add(s: Sizes, random: &mut Random) -> Case {
    let x = random.vector(s.n);
    Case::new(s).f32("x", &x).expect("y", bounded(s.k, |f| reference::multiply_add(x.mapv(f).view(), s.k)))
}
