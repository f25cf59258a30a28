//! How a training is asked to stop, and what is kept of it for when its device does not answer in time.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::net::Parameters;

/// Asks a training to stop: all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks; says whether somebody had asked before.
    pub fn ask(&self) -> bool {
        self.0.swap(true, Ordering::SeqCst)
    }

    /// Whether somebody has asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// The weights after a whole iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Iterations done.
    pub iters: usize,
    /// The weights after them.
    pub parameters: Parameters,
}

/// The weights after the last whole iteration, where a submission takes so long that a stop cannot wait for
/// it. Some drivers do not return before the work is done, so another thread takes them from here. All clones
/// are one.
#[derive(Debug, Clone, Default)]
pub struct Kept(Arc<Mutex<Option<Snapshot>>>);

impl Kept {
    /// Takes what is kept; `None` where the device is fast, and does the rest itself.
    pub fn take(&self) -> Option<Snapshot> {
        self.replace(None)
    }

    pub(super) fn replace(&self, snapshot: Option<Snapshot>) -> Option<Snapshot> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), snapshot)
    }
}
