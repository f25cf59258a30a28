//! The only place where the CPU engine uses threads.

use rayon::prelude::*;

/// What `work` makes of each item, side by side, in the order of the items; `None` if `stop` is true before
/// the last one is begun.
pub(super) fn map_unless<T: Sync, U: Send>(
    stop: &(dyn Fn() -> bool + Sync),
    items: &[T],
    work: impl Fn(&T) -> U + Sync + Send,
) -> Option<Vec<U>> {
    items.par_iter().map(|item| (!stop()).then(|| work(item))).collect()
}

/// How many there are.
pub(super) fn count() -> usize {
    rayon::current_num_threads()
}
