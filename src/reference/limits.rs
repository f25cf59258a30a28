//! What the kernels compute that measure a device's limits.

use ndarray::{Array1, ArrayView1, NdFloat};

/// y = x: any length.
pub fn copy<T: NdFloat>(x: ArrayView1<T>) -> Array1<T> {
    x.to_owned()
}

/// y = x, then `steps` times over y = (1 - 2^-10) y + 2^-10: any length.
///
/// Each element goes towards 1, so none overflows however many steps there are.
pub fn multiply_add<T: NdFloat>(x: ArrayView1<T>, steps: usize) -> Array1<T> {
    let addend = T::from(1.0 / 1024.0).expect("a power of two is exact in every float");
    let factor = T::one() - addend;
    let mut y = x.to_owned();
    for _ in 0..steps {
        y.mapv_inplace(|y| factor * y + addend);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_chain_is_what_its_closed_form_says() {
        let y = multiply_add(array![-1.0, 0.0, 1.0].view(), 1000);
        let rest = (1.0 - 1.0 / 1024.0f64).powi(1000);
        for (y, expected) in y.iter().zip([1.0 - 2.0 * rest, 1.0 - rest, 1.0]) {
            assert!((y - expected).abs() <= 1e-12, "{y} against {expected}");
        }
    }
}
