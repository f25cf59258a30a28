//! A word on what takes so long, as long as there is no first row.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use super::Error;
use crate::{
    clock::{Duration, Instant},
    report::note,
};

/// After this time a silent run says what it does.
const SILENCE: Duration = Duration::from_millis(600);

/// What a run does before its first row; clones are one.
#[derive(Clone, Default)]
pub(super) struct Waiting(Option<Arc<State>>);

struct State {
    start: Instant,
    doing: Mutex<Option<&'static str>>,
}

impl Waiting {
    /// Begins now; a quiet run says nothing.
    ///
    /// # Errors
    /// [`Error::System`] if there is no thread.
    pub fn new(quiet: bool) -> Result<Self, Error> {
        if quiet {
            return Ok(Waiting::default());
        }
        let state = Arc::new(State { start: Instant::now(), doing: Mutex::default() });
        let later = state.clone();
        let say = move || {
            thread::sleep(SILENCE);
            if let Some(doing) = *later.doing.lock().unwrap_or_else(PoisonError::into_inner) {
                note(doing);
            }
        };
        let thread = thread::Builder::new().name("waiting".into()).spawn(say);
        thread.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        Ok(Waiting(Some(state)))
    }

    /// From now on the run does this.
    pub fn on(&self, doing: &'static str) {
        let Some(state) = &self.0 else { return };
        *state.doing.lock().unwrap_or_else(PoisonError::into_inner) = Some(doing);
        if state.start.elapsed() >= SILENCE {
            note(doing);
        }
    }

    /// There is something to see.
    pub fn end(&self) {
        if let Some(state) = &self.0 {
            *state.doing.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}
