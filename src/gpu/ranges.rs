//! Bounds of whole numbers that are known in part: each is between sums of multiples of unknowns, so that what two of
//! them have in common cancels in their difference.

/// Most sums that a number is bounded by on each side: more are rarely of use.
const MAX_FORMS: usize = 4;

/// A number that is not known, but may be known to be in a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown {
    /// Equal ones have equal values.
    pub id: u32,
    pub low: Option<i128>,
    pub high: Option<i128>,
}

/// A constant and multiples of unknowns, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    constant: i128,
    /// None of them 0, in the order of their unknowns.
    terms: Vec<(Unknown, i128)>,
}

impl Form {
    fn constant(constant: i128) -> Self {
        Form { constant, terms: Vec::new() }
    }

    /// This, and `times` that; `None` beyond what can be computed.
    pub fn plus(&self, other: &Form, times: i128) -> Option<Form> {
        let constant = self.constant.checked_add(other.constant.checked_mul(times)?)?;
        let mut terms = self.terms.clone();
        for &(unknown, of_other) in &other.terms {
            let more = of_other.checked_mul(times)?;
            match terms.binary_search_by_key(&unknown.id, |(known, _)| known.id) {
                Ok(at) => terms[at].1 = terms[at].1.checked_add(more)?,
                Err(at) => terms.insert(at, (unknown, more)),
            }
        }
        terms.retain(|&(_, times)| times != 0);
        Some(Form { constant, terms })
    }

    /// The same plus a number.
    pub fn shifted(&self, by: i128) -> Option<Form> {
        self.plus(&Form::constant(by), 1)
    }

    /// How many times it has the unknown, and the rest without it.
    pub fn without(&self, id: u32) -> (i128, Form) {
        let times = self.terms.iter().find(|(unknown, _)| unknown.id == id).map_or(0, |&(_, times)| times);
        let mut rest = self.clone();
        rest.terms.retain(|(unknown, _)| unknown.id != id);
        (times, rest)
    }

    /// The most that it can be, if that is known.
    pub fn high(&self) -> Option<i128> {
        self.terms.iter().try_fold(self.constant, |sum, &(unknown, times)| {
            let most = if times > 0 { unknown.high } else { unknown.low };
            sum.checked_add(most?.checked_mul(times)?)
        })
    }

    /// The least that it can be, if that is known.
    pub fn low(&self) -> Option<i128> {
        self.terms.iter().try_fold(self.constant, |sum, &(unknown, times)| {
            let least = if times > 0 { unknown.low } else { unknown.high };
            sum.checked_add(least?.checked_mul(times)?)
        })
    }
}

/// A whole number: at least each form of `lower`, at most each of `upper`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Number {
    pub lower: Vec<Form>,
    pub upper: Vec<Form>,
}

/// The numbers that a type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub min: i128,
    pub max: i128,
}

impl Kind {
    pub const U32: Kind = Kind { min: 0, max: u32::MAX as i128 };
    pub const I32: Kind = Kind { min: i32::MIN as i128, max: i32::MAX as i128 };
    pub const BOOL: Kind = Kind { min: 0, max: 1 };

    /// A number of which nothing is known. A largest one would be a bound that says nothing.
    pub fn any(self) -> Number {
        match self {
            Kind::I32 => Number::default(),
            Kind::BOOL => Number::between(Some(0), Some(1)),
            _ => Number::between(Some(0), None),
        }
    }

    /// The result of an operation, which wraps around where it may be outside of the type.
    pub fn holds(self, number: Number) -> Number {
        let is_inside = number.low().is_some_and(|low| low >= self.min)
            && number.high().is_some_and(|high| high <= self.max);
        if is_inside { number } else { self.any() }
    }
}

impl Number {
    /// This number.
    pub fn constant(value: i128) -> Self {
        Number::between(Some(value), Some(value))
    }

    /// A number in a range, of which nothing else is known.
    pub fn between(low: Option<i128>, high: Option<i128>) -> Self {
        let form = |bound: Option<i128>| bound.map(Form::constant).into_iter().collect();
        Number { lower: form(low), upper: form(high) }
    }

    /// The value of an unknown.
    pub fn of(unknown: Unknown) -> Self {
        let form = Form { constant: 0, terms: vec![(unknown, 1)] };
        Number { lower: vec![form.clone()], upper: vec![form] }
    }

    /// The most that it can be, if that is known.
    pub fn high(&self) -> Option<i128> {
        self.upper.iter().filter_map(Form::high).min()
    }

    /// The least that it can be, if that is known.
    pub fn low(&self) -> Option<i128> {
        self.lower.iter().filter_map(Form::low).max()
    }

    /// The number, if it is known.
    pub fn exact(&self) -> Option<i128> {
        self.low().filter(|low| self.high() == Some(*low))
    }

    /// The most by which it is above another one, if that is known.
    pub fn most_above(&self, other: &Number) -> Option<i128> {
        pairs(&self.upper, &other.lower, -1).iter().filter_map(Form::high).min()
    }

    pub fn plus(&self, other: &Number) -> Number {
        Number { lower: pairs(&self.lower, &other.lower, 1), upper: pairs(&self.upper, &other.upper, 1) }
    }

    pub fn minus(&self, other: &Number) -> Number {
        Number { lower: pairs(&self.lower, &other.upper, -1), upper: pairs(&self.upper, &other.lower, -1) }
    }

    /// A multiple that is not negative.
    pub fn scaled(&self, times: i128) -> Number {
        let zero = [Form::constant(0)];
        Number { lower: pairs(&zero, &self.lower, times), upper: pairs(&zero, &self.upper, times) }
    }

    /// The smaller one.
    pub fn min(&self, other: &Number) -> Number {
        let least = self.low().zip(other.low()).map(|(one, two)| one.min(two));
        Number { upper: few(self.upper.iter().chain(&other.upper).cloned()), ..Number::between(least, None) }
    }

    /// The larger one.
    pub fn max(&self, other: &Number) -> Number {
        let most = self.high().zip(other.high()).map(|(one, two)| one.max(two));
        Number { lower: few(self.lower.iter().chain(&other.lower).cloned()), ..Number::between(None, most) }
    }

    /// One of the two.
    pub fn or(&self, other: &Number) -> Number {
        if self == other {
            return self.clone();
        }
        Number { lower: self.min(other).lower, upper: self.max(other).upper }
    }

    /// Also at most this.
    pub fn at_most(mut self, other: &Number) -> Number {
        self.upper = few(self.upper.into_iter().chain(other.upper.iter().cloned()));
        self
    }
}

/// Each of the ones plus `times` each of the others.
fn pairs(ones: &[Form], others: &[Form], times: i128) -> Vec<Form> {
    few(ones.iter().flat_map(|one| others.iter().filter_map(move |other| one.plus(other, times))))
}

/// Without those that are there already, and without the last ones of many.
fn few(forms: impl Iterator<Item = Form>) -> Vec<Form> {
    let mut kept: Vec<Form> = Vec::new();
    for form in forms {
        if kept.len() < MAX_FORMS && !kept.contains(&form) {
            kept.push(form);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(id: u32, low: i128, high: i128) -> Number {
        Number::of(Unknown { id, low: Some(low), high: Some(high) })
    }

    #[test]
    fn what_two_numbers_have_in_common_cancels() {
        let (split, rows, m) = (unknown(0, 0, 40), 1_500, Number::constant(60_000));
        let start = split.scaled(rows);
        let end = split.plus(&Number::constant(1)).scaled(rows).min(&m);
        assert_eq!(end.high(), Some(60_000));
        assert_eq!(end.most_above(&start), Some(1_500));
        assert_eq!(
            start.most_above(&end),
            Some(58_500),
            "of the smaller of two numbers only the least is known"
        );
        assert_eq!(Number::constant(9).max(&start).low(), Some(9));
        assert_eq!(split.minus(&split).exact(), Some(0));
    }

    #[test]
    fn a_result_that_may_wrap_around_is_not_known() {
        let large = unknown(0, 0, 1 << 31);
        assert_eq!(Kind::U32.holds(large.plus(&large)), Kind::U32.any());
        assert_eq!(Kind::U32.holds(large.minus(&Number::constant(1))), Kind::U32.any());
        assert_eq!(Kind::U32.holds(large.clone()), large);
        assert_eq!(Kind::I32.holds(large), Number::default());
        assert_eq!(Kind::U32.any().high(), None);
        assert_eq!(Kind::U32.any().low(), Some(0));
    }

    #[test]
    fn one_of_two_is_between_both() {
        let either = unknown(0, 2, 5).or(&Number::constant(9));
        assert_eq!((either.low(), either.high()), (Some(2), Some(9)));
        let none = Kind::U32.any().or(&Number::constant(9));
        assert_eq!((none.low(), none.high()), (Some(0), None));
    }
}
