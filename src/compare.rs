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

impl Expected {
    /// Every element must be met exactly.
    pub fn exact(values: Vec<f64>) -> Self {
        let bounds = vec![0.0; values.len()];
        Expected { values, bounds }
    }

    /// Compares `found` with what is expected.
    ///
    /// # Errors
    /// The first difference in words: index, expected, found, bound.
    pub fn check(&self, found: &[f64]) -> Result<(), String> {
        if found.len() != self.values.len() {
            return Err(format!("{} elements, expected {}", found.len(), self.values.len()));
        }
        let (mut error, mut power) = (0.0, 0.0);
        for (index, ((&found, &value), &bound)) in
            found.iter().zip(&self.values).zip(&self.bounds).enumerate()
        {
            let difference = (found - value).abs();
            // NaN in any of them fails, as no comparison with NaN holds.
            if !(found.is_finite() && difference <= bound) {
                return Err(format!(
                    "element {index} is {found:e}, expected {value:e} within {bound:e}, off by {difference:e}"
                ));
            }
            error += difference * difference;
            power += value * value;
        }
        if !(error <= MAX_NMSE * power || error == 0.0) {
            return Err(format!("normalised mean square error {:e} is above {MAX_NMSE:e}", error / power));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected { values: vec![1.0, -2.0, 0.0], bounds: vec![1e-6; 3] }
    }

    #[test]
    fn the_right_result_passes() {
        assert!(expected().check(&[1.0 + 5e-7, -2.0, 0.0]).is_ok());
        assert!(Expected::exact(vec![0.0]).check(&[0.0]).is_ok());
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
        assert!(wide.check(&[1.0001; 100]).is_err());
    }
}
