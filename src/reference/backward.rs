//! The chain rule, one formula at a time.

use ndarray::{Array1, Array2, ArrayView2, Axis, NdFloat, linalg::general_mat_mul};

use super::scale_pixels;

/// dW = (dz^T pixels) / 255, summed over the rows given: [`weight_gradient`] of the first layer.
///
/// `dz` (m, n), `pixels` (m, k), dW (n, k). Each pixel is divided here; a kernel may divide the sum
/// instead, which differs by rounding only.
pub fn weight_gradient_pixels<T: NdFloat>(dz: ArrayView2<T>, pixels: ArrayView2<u8>) -> Array2<T> {
    weight_gradient(dz, scale_pixels(pixels).view())
}

/// dW = dz^T x, summed over the rows given, without 1/m: `dz` (m, n), `x` (m, k), dW (n, k).
pub fn weight_gradient<T: NdFloat>(dz: ArrayView2<T>, x: ArrayView2<T>) -> Array2<T> {
    let mut dw = Array2::zeros((dz.ncols(), x.ncols()));
    // Computed as dW^T = x^T dz: the same sums, and the faster order where n is small against k.
    let dw_t = &mut dw.view_mut().reversed_axes();
    general_mat_mul(T::one(), &x.t(), &dz, T::zero(), dw_t);
    dw
}

/// db = sum of dz's rows, one for each unit, without 1/m: `dz` (m, n), db (n).
///
/// One sum for all units, as some notebooks have it, is 0 after softmax + cross-entropy: the
/// softmax of each row sums to 1, and so does its label.
pub fn bias_gradient<T: NdFloat>(dz: ArrayView2<T>) -> Array1<T> {
    dz.sum_axis(Axis(0))
}

/// da = dz W, the gradient of the layer's input: `dz` (m, n), `w` (n, k), da (m, k).
pub fn input_gradient<T: NdFloat>(dz: ArrayView2<T>, w: ArrayView2<T>) -> Array2<T> {
    dz.dot(&w)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn gradients_are_sums_over_rows_in_the_order_of_the_parameters() {
        let dz = array![[1.0, 2.0], [0.0, -1.0], [0.5, 0.0]];
        let x = array![[1.0, 0.0, 2.0], [3.0, 1.0, 0.0], [4.0, 0.0, -2.0]];
        let dw = weight_gradient(dz.view(), x.view());
        assert_eq!(dw, array![[3.0, 0.0, 1.0], [-1.0, -1.0, 4.0]]);
        assert!(dw.is_standard_layout());
        assert_eq!(bias_gradient(dz.view()), array![1.5, 1.0]);
        let w = array![[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]];
        assert_eq!(input_gradient(dz.view(), w.view()).row(0), array![1.0, 0.0, 5.0]);
    }

    #[test]
    fn weight_gradient_pixels_divides_by_255() {
        let dw = weight_gradient_pixels(array![[2.0], [-1.0]].view(), array![[255, 0], [51, 255]].view());
        assert!((&dw - array![[1.8, -1.0]]).iter().all(|d: &f64| d.abs() <= 1e-15), "{dw}");
    }
}
