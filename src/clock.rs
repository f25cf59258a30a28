//! The clock of everything that measures time: one module, so that a system without `std`'s has one place
//! to change.

pub(crate) use std::time::{Duration, Instant};
