//! How two times that were taken in turn compare.

use serde::{Deserialize, Serialize};

use super::timing::median;

/// One time by another, round by round.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The middle one.
    pub median: f64,
    /// The smallest and the largest: with 7 rounds the true median is between them in 98 of 100 cases.
    pub range: (f64, f64),
}

impl Ratio {
    /// `new` by `old`, which have equally many rounds, at least one.
    pub fn of(new: &[f64], old: &[f64]) -> Self {
        let mut ratios: Vec<f64> = new.iter().zip(old).map(|(new, old)| new / old).collect();
        ratios.sort_by(f64::total_cmp);
        Ratio { median: median(&ratios), range: (ratios[0], ratios[ratios.len() - 1]) }
    }

    /// Whether all rounds agree which of the two is faster.
    pub fn is_clear(&self) -> bool {
        let (low, high) = self.range;
        high < 1.0 || low > 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_clear_if_all_rounds_agree() {
        let faster = Ratio::of(&[1.0, 1.1, 0.9], &[2.0, 2.0, 2.0]);
        assert_eq!((faster.median, faster.range), (0.5, (0.45, 0.55)));
        assert!(faster.is_clear());
        assert!(!Ratio::of(&[1.0, 2.1], &[2.0, 2.0]).is_clear());
        assert!(Ratio::of(&[3.0], &[2.0]).is_clear());
    }
}
