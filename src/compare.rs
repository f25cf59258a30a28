//! Is a result what it should be? NaN and infinity never are.

/// Largest normalised mean square error of a right result, beside the bound of each element.
const MAX_NMSE: f64 = 1e-10;

/// What a result should be, and how far each element may be off.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The right values, computed in f64.
    pub values: Vec<f64>,
    /// The largest difference allowed of each; 0 for exact.
    pub bounds: Vec<f64>,
}

/// The element of a right result that comes nearest to its bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Worst {
    /// Its place.
    pub index: usize,
    /// Its difference as a part of its bound, from 0 to 1; 0 if all are exact.
    pub share: f64,
}

/// How a result differs from what is expected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Difference {
    /// Another number of elements.
    #[error("{found} elements, expected {expected}")]
    Len {
        /// What was found.
        found: usize,
        /// What is right.
        expected: usize,
    },
    /// The first element that is beyond its bound, or no number.
    #[error("element {index} is {found:e}, expected {expected:e} within {bound:e}, off by {:e}", (found - expected).abs())]
    Element {
        /// Its place.
        index: usize,
        /// What was found.
        found: f64,
        /// What is right.
        expected: f64,
        /// The largest difference allowed.
        bound: f64,
    },
    /// All elements are within their bounds, and too many of them are near to it.
    #[error("normalised mean square error {error:e} is above {MAX_NMSE:e}")]
    Mean {
        /// The sum of squared differences by the sum of squared values.
        error: f64,
    },
}

impl Expected {
    /// Every element must be met exactly.
    pub fn exact(values: Vec<f64>) -> Self {
        let bounds = vec![0.0; values.len()];
        Expected { values, bounds }
    }

    /// Compares `found` with what is expected; the element that comes nearest to its bound.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, found: &[f64]) -> Result<Worst, Difference> {
        if found.len() != self.values.len() {
            return Err(Difference::Len { found: found.len(), expected: self.values.len() });
        }
        let mut worst = Worst { index: 0, share: 0.0 };
        let (mut error, mut power) = (0.0, 0.0);
        for (index, ((&found, &expected), &bound)) in
            found.iter().zip(&self.values).zip(&self.bounds).enumerate()
        {
            let difference = (found - expected).abs();
            // NaN in any of them fails, as no comparison with NaN holds.
            if !(found.is_finite() && difference <= bound) {
                return Err(Difference::Element { index, found, expected, bound });
            }
            if difference > worst.share * bound {
                worst = Worst { index, share: difference / bound };
            }
            error += difference * difference;
            power += expected * expected;
        }
        if !(error <= MAX_NMSE * power || error == 0.0) {
            return Err(Difference::Mean { error: error / power });
        }
        Ok(worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected { values: vec![1.0, -2.0, 0.0], bounds: vec![1e-6; 3] }
    }

    #[test]
    fn the_right_result_passes_with_its_worst_element() {
        let worst = expected().check(&[1.0 + 2e-7, -2.0 + 5e-7, 1e-7]).unwrap();
        assert!(worst.index == 1 && (worst.share - 0.5).abs() < 1e-9, "{worst:?}");
        assert_eq!(Expected::exact(vec![0.0]).check(&[0.0]), Ok(Worst { index: 0, share: 0.0 }));
    }

    #[test]
    fn nan_infinity_one_element_off_and_a_wrong_length_fail() {
        for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.0 + 2e-6, -1.0] {
            assert!(expected().check(&[wrong, -2.0, 0.0]).is_err(), "{wrong}");
        }
        assert!(expected().check(&[1.0, -2.0]).is_err());
        assert!(expected().check(&[1.0, -2.0, 0.0, 0.0]).is_err());
    }

    #[test]
    fn nan_on_the_expected_side_fails() {
        for expected in [
            Expected { values: vec![f64::NAN], bounds: vec![1.0] },
            Expected { values: vec![1.0], bounds: vec![f64::NAN] },
        ] {
            assert!(expected.check(&[1.0]).is_err());
        }
    }

    #[test]
    fn many_small_errors_fail_together() {
        let wide = Expected { values: vec![1.0; 100], bounds: vec![1.0; 100] };
        assert!(matches!(wide.check(&[1.0001; 100]), Err(Difference::Mean { .. })));
    }
}
