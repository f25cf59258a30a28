//! The samples that an update sees, and how far it goes: what stands ahead of the forward pass where
//! samples come in batches.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis};

use crate::recipe::{Rate, offset};

/// The samples of one batch, those that `order` has in its `places`: `pixels` (samples, k) and `labels`
/// (samples) of all, (m, k) and (m) of the batch.
pub fn gather(
    order: &[u32],
    places: Range<usize>,
    pixels: ArrayView2<u8>,
    labels: &[u16],
) -> (Array2<u8>, Vec<u16>) {
    let samples: Vec<_> = order[places].iter().map(|&sample| sample as usize).collect();
    (pixels.select(Axis(0), &samples), samples.iter().map(|&sample| labels[sample]).collect())
}

/// [`gather`], each picture of `rows` x `cols` pixels moved by the [`offset`] of the shift that stands
/// in the same place as the sample: what comes in is 0, what leaves is lost. What is behind a picture in
/// its k pixels is padding, and 0.
pub fn gather_shifted(
    order: &[u32],
    shifts: &[u32],
    places: Range<usize>,
    pixels: ArrayView2<u8>,
    labels: &[u16],
    [rows, cols]: [usize; 2],
) -> (Array2<u8>, Vec<u16>) {
    let (still, labels) = gather(order, places.clone(), pixels, labels);
    let mut moved = Array2::zeros(still.raw_dim());
    for ((from, mut to), &shift) in still.rows().into_iter().zip(moved.rows_mut()).zip(&shifts[places]) {
        let (down, right) = offset(shift);
        for (y, x) in (0..rows).flat_map(|y| (0..cols).map(move |x| (y, x))) {
            let source = (y.checked_add_signed(-down), x.checked_add_signed(-right));
            if let (Some(from_y), Some(from_x)) = source
                && from_y < rows
                && from_x < cols
            {
                to[y * cols + x] = from[from_y * cols + from_x];
            }
        }
    }
    (moved, labels)
}

/// The rate of the next update, from the `rates` of all steps sent ahead, of which so many are `done`:
/// now one more.
pub fn next_step(rates: &[Rate], done: &mut usize) -> Rate {
    let rate = rates[*done];
    *done += 1;
    rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_batch_has_the_samples_of_its_places_in_their_order() {
        let pixels = array![[1, 2], [3, 4], [5, 6]];
        let (batch, labels) = gather(&[9, 2, 0, 2, 1], 1..4, pixels.view(), &[7, 8, 9]);
        assert_eq!(batch, array![[5, 6], [1, 2], [5, 6]]);
        assert_eq!(labels, [9, 7, 9]);
    }

    #[test]
    fn a_shift_moves_down_and_right_and_loses_what_leaves() {
        let picture = array![[1, 2, 3, 4, 5, 6, 0, 0]];
        // 12 is no shift, 13 is one column to the right, 17 one row down, 6 one up and to the left.
        for (shift, expected) in [
            (12, [1, 2, 3, 4, 5, 6, 0, 0]),
            (13, [0, 1, 2, 0, 4, 5, 0, 0]),
            (17, [0, 0, 0, 1, 2, 3, 0, 0]),
            (6, [5, 6, 0, 0, 0, 0, 0, 0]),
            (0, [0; 8]),
            (24, [0; 8]),
        ] {
            let (moved, labels) = gather_shifted(&[0], &[shift], 0..1, picture.view(), &[3], [2, 3]);
            assert_eq!((moved.row(0).to_vec(), labels), (expected.to_vec(), vec![3]), "{shift}");
        }
    }
}
