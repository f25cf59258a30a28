//! From sums over samples to new parameters.

use ndarray::{Array, ArrayView, ArrayViewMut, Dimension, NdFloat};

/// g = sum / m: the only place where 1/m is applied. `sum` is a gradient summed over `samples` rows.
pub fn mean_gradient<T: NdFloat, D: Dimension>(sum: ArrayView<T, D>, samples: usize) -> Array<T, D> {
    let m = T::from(samples).expect("a float holds every count, rounded");
    sum.mapv(|sum| sum / m)
}

/// p -= alpha g: `parameter` and `gradient`, the mean over the samples, have one shape.
pub fn gradient_descent<T: NdFloat, D: Dimension>(
    mut parameter: ArrayViewMut<T, D>,
    gradient: ArrayView<T, D>,
    alpha: T,
) {
    parameter.zip_mut_with(&gradient, |p, &g| *p -= alpha * g);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_step_goes_against_the_mean_gradient() {
        let mut w = array![[1.0, 2.0], [3.0, 4.0]];
        let mean = mean_gradient(array![[4.0, 0.0], [-8.0, 2.0]].view(), 4);
        gradient_descent(w.view_mut(), mean.view(), 0.5);
        assert_eq!(w, array![[0.5, 2.0], [4.0, 3.75]]);
    }
}
