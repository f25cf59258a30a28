//! From pixels to the values before each activation.

use ndarray::{Array2, ArrayView1, ArrayView2, NdFloat};

/// x = pixels / 255: (m, k) bytes as numbers from 0 to 1.
pub fn scale_pixels<T: NdFloat>(pixels: ArrayView2<u8>) -> Array2<T> {
    let number = |value: u8| T::from(value).expect("a float holds every byte");
    let white = number(u8::MAX);
    pixels.mapv(|pixel| number(pixel) / white)
}

/// z = (pixels W^T) / 255 + b: the first layer.
///
/// `pixels` (m, k), `w` (n, k), `b` (n), z (m, n). Each pixel is divided here; a kernel may divide
/// the sum instead, which differs by rounding only.
pub fn matmul_pixels<T: NdFloat>(pixels: ArrayView2<u8>, w: ArrayView2<T>, b: ArrayView1<T>) -> Array2<T> {
    matmul(scale_pixels(pixels).view(), w, b)
}

/// z = x W^T + b: `x` (m, k), `w` (n, k), `b` (n), z (m, n).
pub fn matmul<T: NdFloat>(x: ArrayView2<T>, w: ArrayView2<T>, b: ArrayView1<T>) -> Array2<T> {
    x.dot(&w.t()) + b
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn matmul_pixels_is_the_sum_over_255_plus_bias() {
        let pixels = array![[0, 51, 255], [102, 0, 0]];
        let w = array![[1.0, 2.0, -3.0], [5.0, 0.5, 0.25]];
        let z = matmul_pixels::<f64>(pixels.view(), w.view(), array![0.125, -1.0].view());
        let expected = array![[0.4 - 3.0 + 0.125, 0.1 + 0.25 - 1.0], [0.4 + 0.125, 2.0 - 1.0]];
        assert!((&z - &expected).iter().all(|d: &f64| d.abs() <= 1e-15), "{z} against {expected}");
    }
}
