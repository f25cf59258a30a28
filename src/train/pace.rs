//! How much work goes into a submission.

use crate::clock::{Duration, Instant};

/// Work a submission should hold: long beside the cost of submitting, short beside the two seconds
/// after which Windows resets a card.
const SUBMISSION: Duration = Duration::from_millis(30);
/// The most commands of one submission: bounds their memory.
const MAX_COMMANDS: usize = 1024;
/// Commands of the first submission, before anything is known of the device.
const FIRST_COMMANDS: usize = 8;

/// Commands that make up a submission, from the time that the last ones took. It never changes a
/// result.
pub(super) struct Pace {
    pub commands: usize,
    finished: Option<Instant>,
}

impl Pace {
    pub fn new() -> Self {
        Pace { commands: FIRST_COMMANDS, finished: None }
    }

    /// Notes that a submission from `start` is done, and returns how long the device worked on it: it began
    /// when it was submitted and the one before was done.
    pub fn finished(&mut self, start: Instant) -> Duration {
        let now = Instant::now();
        let took = now - self.finished.map_or(start, |before| before.max(start));
        self.finished = Some(now);
        took
    }

    /// Fits the next submissions to one of `commands` that took so long.
    pub fn adapt(&mut self, took: Duration, commands: usize) {
        let each = (took / commands.max(1) as u32).max(Duration::from_nanos(1));
        let fitting = SUBMISSION.div_duration_f64(each) as usize;
        self.commands = fitting.clamp(1, (self.commands * 2).min(MAX_COMMANDS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_get_shorter_at_once_and_longer_step_by_step() {
        let mut pace = Pace::new();
        pace.adapt(Duration::from_millis(1), FIRST_COMMANDS);
        assert_eq!(pace.commands, 2 * FIRST_COMMANDS);
        pace.adapt(Duration::from_secs(4), 16);
        assert_eq!(pace.commands, 1);
        pace.adapt(Duration::ZERO, 1);
        assert_eq!(pace.commands, 2);
    }

    #[test]
    fn a_submission_that_waited_is_not_charged_for_it() {
        let mut pace = Pace::new();
        let start = Instant::now().checked_sub(Duration::from_secs(9)).unwrap();
        assert!(pace.finished(start) >= Duration::from_secs(9));
        assert!(pace.finished(start) < Duration::from_secs(1));
    }
}
