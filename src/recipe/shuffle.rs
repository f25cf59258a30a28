//! The order in which the samples of an epoch come, and how far each is shifted.
//!
//! The same for ever, and on every device: the [`generator`] on the stream of the epoch's number from 1
//! (stream 0 draws the initial weights). A number below n is (n x the next 32 bits) / 2^32, rounded down. The order is
//! 0, 1, 2, ... after a Fisher-Yates shuffle: for each place from the last down to the second, the
//! sample there changes places with that at a number below place + 1. Then comes a shift for each place
//! of the order, a number below 25.

use super::Recipe;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Pixels that an image is shifted by at most, in each direction.
pub const MAX_SHIFT: usize = 2;
/// Shifts that there are: by -2 to 2 rows and columns.
pub const SHIFTS: usize = (2 * MAX_SHIFT + 1) * (2 * MAX_SHIFT + 1);

/// ChaCha8 with the seed's eight little-endian bytes and 24 zero bytes as its key.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha8Rng::from_seed(key);
    random.set_stream(stream);
    random
}

/// The order of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// Every sample once.
    pub order: Vec<u32>,
    /// The shift of each place of the order, below [`SHIFTS`]; empty where nothing is shifted.
    pub shifts: Vec<u32>,
}

impl Epoch {
    /// The order of the `epoch`, from 0, of so many samples.
    pub fn new(seed: u64, epoch: u64, samples: usize, shift: bool) -> Self {
        let mut random = generator(seed, epoch + 1);
        let mut below = |n: usize| ((u64::from(random.next_u32()) * n as u64) >> 32) as u32;
        let mut order: Vec<_> = (0..samples as u32).collect();
        for place in (1..samples).rev() {
            order.swap(place, below(place + 1) as usize);
        }
        let shifted = if shift { samples } else { 0 };
        let shifts = (0..shifted).map(|_| below(SHIFTS)).collect();
        Epoch { order, shifts }
    }
}

/// The orders of a training, of which the last one is kept.
#[derive(Debug)]
pub struct Orders {
    seed: u64,
    samples: usize,
    shift: bool,
    last: Option<(usize, Epoch)>,
}

impl Orders {
    /// Of `samples`, shifted where the recipe says so.
    pub fn new(recipe: &Recipe, samples: usize) -> Self {
        Orders { seed: recipe.seed, samples, shift: recipe.shift, last: None }
    }

    /// That of an epoch, from 0.
    pub fn epoch(&mut self, number: usize) -> &Epoch {
        let kept = self.last.take().filter(|(last, _)| *last == number);
        let drawn = || (number, Epoch::new(self.seed, number as u64, self.samples, self.shift));
        &self.last.insert(kept.unwrap_or_else(drawn)).1
    }
}

/// Rows down and columns to the right of a shift.
pub fn offset(shift: u32) -> (isize, isize) {
    let side = 2 * MAX_SHIFT as isize + 1;
    let middle = MAX_SHIFT as isize;
    (shift as isize / side - middle, shift as isize % side - middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_every_sample_once_and_differs_from_the_next() {
        let epoch = |number| Epoch::new(42, number, 10_007, false);
        let (first, second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        assert_ne!(first, Epoch::new(43, 0, 10_007, false));
        for mut order in [first.order, second.order] {
            let in_place = order.iter().enumerate().filter(|&(place, &sample)| place == sample as usize);
            assert!(in_place.count() < 10);
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(place, &sample)| place == sample as usize));
        }
    }

    /// Computed by an independent ChaCha8.
    #[test]
    fn seed_42_has_the_documented_order() {
        let epoch = Epoch::new(42, 0, 10, true);
        assert_eq!(epoch.order, [4, 5, 0, 2, 7, 8, 1, 3, 6, 9]);
        assert_eq!(epoch.shifts, [15, 23, 12, 15, 21, 8, 13, 15, 3, 0]);
        assert_eq!(Epoch::new(42, 0, 10, false), Epoch { shifts: vec![], ..epoch });
        assert!(Epoch::new(42, 0, 0, true).order.is_empty());
    }

    #[test]
    fn every_place_and_every_shift_is_as_likely_as_another() {
        let epochs: Vec<_> = (0..7_000).map(|number| Epoch::new(1, number, 7, true)).collect();
        for place in 0..7 {
            let mut counts = [0; 7];
            epochs.iter().for_each(|epoch| counts[epoch.order[place] as usize] += 1);
            assert!(counts.iter().all(|&count: &i32| (count - 1000).abs() < 150), "{place}: {counts:?}");
        }
        let mut counts = [0; SHIFTS];
        epochs.iter().flat_map(|epoch| &epoch.shifts).for_each(|&shift| counts[shift as usize] += 1);
        assert!(counts.iter().all(|&count: &i32| (count - 1960).abs() < 250), "{counts:?}");
    }

    #[test]
    fn shifts_go_in_all_directions() {
        assert_eq!([0, 12, 24, 4, 13].map(offset), [(-2, -2), (0, 0), (2, 2), (-2, 2), (0, 1)]);
    }
}
