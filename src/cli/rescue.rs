//! A training whose device does not answer a signal in time: another thread ends it, with the weights that were
//! kept.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{Builder, scope},
};

use super::{Error, interrupt::leave};
use crate::{
    clock::{Duration, Instant},
    train::{End, Kept, Reason, Snapshot, Stop},
};

/// How often the signal is looked for.
const LOOK: Duration = Duration::from_millis(50);
/// How long a training may take to answer.
const GRACE: Duration = Duration::from_secs(1);

/// Does `train`. If it has not returned some time after `stop` was asked, and there are weights in `kept`,
/// `finish` gets an end with them on another thread, and the process ends with its status.
///
/// # Errors
/// What `train` meets, or [`Error::System`] if there is no thread.
pub(super) fn or_rescue<T>(
    stop: &Stop,
    kept: &Kept,
    train: impl FnOnce() -> T,
    finish: impl Fn(&End) -> Result<(), Error> + Sync,
) -> Result<T, Error> {
    let start = Instant::now();
    let (over, finish) = (&Mutex::new(false), &finish);
    let (trained, ended) = channel::<()>();
    scope(|threads| {
        let rescue = move || {
            if let Some(Snapshot { iters, parameters }) = left_alone(stop, kept, &ended) {
                // Held to the end: the training may not finish, too.
                let over = over.lock().unwrap_or_else(PoisonError::into_inner);
                if *over {
                    return;
                }
                let seconds = start.elapsed().as_secs_f64();
                let reason = Reason::Interrupted;
                let end = End {
                    reason,
                    iters,
                    figures: None,
                    seconds,
                    ms_per_iter: None,
                    parameters,
                    divergence: None,
                    hints: Vec::new(),
                };
                let error = finish(&end).err().unwrap_or(Error::Interrupted);
                error.tell();
                leave(error.exit_status());
            }
        };
        let rescuer = Builder::new().name("rescue".into()).spawn_scoped(threads, rescue);
        rescuer.map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
        let result = train();
        *over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        drop(trained);
        Ok(result)
    })
}

/// Waits until a stop has gone unanswered for too long, and takes what is kept; `None` if the training ends.
fn left_alone(stop: &Stop, kept: &Kept, ended: &Receiver<()>) -> Option<Snapshot> {
    let still_training = |time| ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    while still_training(LOOK) {
        if stop.is_asked() {
            if !still_training(GRACE) {
                return None;
            }
            if let Some(snapshot) = kept.take() {
                return Some(snapshot);
            }
        }
    }
    None
}
