//! The only place where the CPU engine uses threads.

use rayon::prelude::*;

/// What `work` makes of each item, side by side, in the order of the items.
pub(super) fn map<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync + Send) -> Vec<U> {
    items.par_iter().map(work).collect()
}
