//! The end of the forward pass and the start of the backward pass.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, NdFloat};

use super::number;

/// What [`softmax_cross_entropy`] computes for m samples and n classes.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftmaxCrossEntropy<T> {
    /// (m, n): the loss of each sample differentiated by its z, softmax - y; not divided by m.
    pub dz: Array2<T>,
    /// (m): the cross-entropy of each sample, natural logarithm.
    pub loss: Array1<T>,
    /// (m): whether the sample's largest z is at its label.
    pub correct: Vec<bool>,
}

/// loss = -sum of y ln softmax(z), and its gradient: `z` (m, n), `labels` (m). The target y is 1 -
/// `smoothing` at the label, and smoothing / n more at every class: PyTorch's `label_smoothing`.
///
/// softmax(z) = exp(z - max) / sum of exp(z - max): with the row's maximum subtracted first no
/// exponential overflows, and with the logarithm taken of the sum alone, loss = ln(sum) -
/// sum of y (z - max), none of a vanishing probability is. Predictions are taken from z, and ties go
/// to the lowest class.
///
/// # Panics
/// Where a label is not below n, or there is not one for each row.
pub fn softmax_cross_entropy<T: NdFloat>(
    z: ArrayView2<T>,
    labels: &[u16],
    smoothing: f64,
) -> SoftmaxCrossEntropy<T> {
    assert_eq!(z.nrows(), labels.len(), "one label a row");
    let (at_label, share): (T, T) = (number(1.0 - smoothing), number(smoothing / z.ncols() as f64));
    let mut dz = z.to_owned();
    let mut loss = Array1::zeros(z.nrows());
    let mut correct = Vec::with_capacity(z.nrows());
    for ((mut row, loss), &label) in dz.rows_mut().into_iter().zip(&mut loss).zip(labels) {
        let label = usize::from(label);
        let class = argmax(row.view());
        correct.push(class == label);
        let max = row[class];
        row -= max;
        // A share of 0 stays 0 beside an infinite z.
        let spread = if smoothing > 0.0 { share * row.sum() } else { T::zero() };
        let target = at_label * row[label] + spread;
        row.mapv_inplace(T::exp);
        let sum = row.sum();
        *loss = sum.ln() - target;
        row.mapv_inplace(|exp| exp / sum - share);
        row[label] -= at_label;
    }
    SoftmaxCrossEntropy { dz, loss, correct }
}

/// Where the largest value stands, the first of equal ones.
fn argmax<T: NdFloat>(row: ArrayView1<T>) -> usize {
    (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn equal_logits_are_equal_odds_and_the_lowest_class_wins() {
        let result = softmax_cross_entropy(array![[7.0, 7.0, 7.0], [7.0, 7.0, 7.0]].view(), &[0, 2], 0.0);
        assert_eq!(result.correct, [true, false]);
        for (row, label) in result.dz.rows().into_iter().zip([0, 2]) {
            for (class, &dz) in row.iter().enumerate() {
                let expected = 1.0 / 3.0 - f64::from(u8::from(class == label));
                assert!((dz - expected).abs() <= 1e-15, "{dz} against {expected}");
            }
        }
        assert!(result.loss.iter().all(|loss| (loss - 3f64.ln()).abs() <= 1e-15));
    }

    #[test]
    fn huge_logits_neither_overflow_nor_lose_the_loss() {
        let result =
            softmax_cross_entropy(array![[1000f32, -1000.0], [-1000.0, -1001.0]].view(), &[1, 0], 0.0);
        assert_eq!(result.loss[0], 2000.0);
        assert!((result.loss[1] - 0.313_261_7).abs() <= 1e-6, "{}", result.loss[1]);
        assert_eq!(result.dz.row(0), array![1.0, -1.0]);
        assert_eq!(result.correct, [false, true]);
    }

    #[test]
    fn what_is_not_finite_shows_in_the_loss() {
        for value in [f64::NAN, f64::INFINITY] {
            let z = array![[value, 0.0, 1.0], [0.0, value, 1.0]];
            let result = softmax_cross_entropy(z.view(), &[2, 2], 0.0);
            assert!(result.loss.iter().all(|loss| !loss.is_finite()), "{}", result.loss);
        }
    }

    /// Of PyTorch 2.15's `cross_entropy` in float64, and what autograd makes of it.
    #[test]
    fn smoothed_labels_are_those_of_pytorch() {
        let z = array![[1.0, -2.0, 0.5], [0.25, 3.0, -1.0]];
        #[rustfmt::skip]
        let expected = [
            (
                0.1,
                [1.07126356900895, 0.3040362014040996],
                [[0.5704155628152925, -0.00327444576375931, -0.5671411170515331],
                 [0.025736424259176903, -0.009326859825466438, -0.016409564433710524]],
            ),
            (
                0.5,
                [1.3379302356756166, 1.2040362014040995],
                [[0.4370822294819592, -0.13660777909709262, -0.3004744503848664],
                 [-0.10759690907415642, 0.25733980684120017, -0.14974289776704386]],
            ),
        ];
        for (smoothing, loss, dz) in expected {
            let found = softmax_cross_entropy(z.view(), &[2, 1], smoothing);
            let near = |found: &f64, expected: &f64| (found - expected).abs() <= 1e-14;
            assert!(found.loss.iter().zip(&loss).all(|(found, loss)| near(found, loss)), "{}", found.loss);
            assert!(
                found.dz.iter().zip(dz.as_flattened()).all(|(found, dz)| near(found, dz)),
                "{}",
                found.dz
            );
        }
    }
}
