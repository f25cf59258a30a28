//! Samples of a dispatch's time: by the device's timestamps where they can be trusted, else by the
//! host's clock over so many calls that handing the work over does not count.

use crate::clock::Instant;

use super::Started;
use crate::gpu::{Device, DeviceError, Dispatch, Reading, Timer};

/// Seconds that a sample should take at the least: long beside a tick of any clock.
const SAMPLE: f64 = 2e-3;
/// By the host's clock a sample takes as many times the fixed cost of a submission: 2 % of it.
const FIXED_COSTS: f64 = 50.0;
/// Most calls of a sample: bounds the memory of its commands.
const MAX_CALLS: usize = 4096;
/// Seconds of a submission, where one call is not longer: some systems reset a device after two.
const SUBMISSION: f64 = 0.2;
/// A time of the device may be this much beyond the host's, which contains it: two clocks drift.
const DRIFT: f64 = 1.05;
/// Comparisons of the two clocks, and the part of the host's time that the device's must reach in the
/// best of them: the rest of a long sample is only its submission.
const PROBES: usize = 5;
const AGREEMENT: f64 = 0.8;

/// Who measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Timestamps that the device writes before and after a pass.
    Device,
    /// The host's clock, from handing over to the end of waiting.
    Host,
}

impl Clock {
    /// device or host.
    pub fn name(self) -> &'static str {
        match self {
            Clock::Device => "device",
            Clock::Host => "host",
        }
    }
}

/// Seconds of one call, once for each round.
#[derive(Debug, Clone, PartialEq)]
pub struct Times {
    /// Who measured.
    pub clock: Clock,
    /// Calls that each round took the mean of.
    pub calls: usize,
    sorted: Vec<f64>,
}

impl Times {
    /// `rounds` samples of `calls` calls each, in seconds a call; at least one.
    pub fn new(clock: Clock, calls: usize, mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        Times { clock, calls, sorted: rounds }
    }

    /// The middle one; of an even number the mean of the middle two.
    pub fn median(&self) -> f64 {
        median(&self.sorted)
    }

    /// The shortest.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The longest.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }
}

/// The middle one of sorted numbers, at least one; of an even number of them the mean of the middle two.
pub(super) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted[middle],
    }
}

/// Measures dispatches on one device.
pub struct Stopwatch<'a> {
    /// The device.
    pub device: &'a Device,
    timer: Timer,
    clock: Clock,
    why_host: Option<String>,
    /// Seconds of a submission of nothing.
    fixed: f64,
    rounds: usize,
}

impl<'a> Stopwatch<'a> {
    /// Takes `rounds` samples of everything.
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn new(device: &'a Device, rounds: usize) -> Result<Self, DeviceError> {
        let timer = Timer::new(device)?;
        let nothing = || -> Result<f64, DeviceError> {
            let start = Instant::now();
            device.wait(&device.submit(&[], 1))?;
            Ok(start.elapsed().as_secs_f64())
        };
        let fixed = (0..9).map(|_| nothing()).collect::<Result<_, DeviceError>>()?;
        let fixed = Times::new(Clock::Host, 1, fixed).median();
        Ok(Stopwatch { device, timer, clock: Clock::Device, why_host: None, fixed, rounds })
    }

    /// The same by the clock that another one on this adapter has found.
    pub fn as_started(self, started: &Started) -> Self {
        Stopwatch { clock: started.clock, why_host: started.why_host.clone(), ..self }
    }

    /// How times are taken from here on.
    pub fn started(&self) -> Started {
        Started { clock: self.clock, why_host: self.why_host.clone() }
    }

    /// Compares the two clocks on a long `probe`, and leaves the device's where they do not agree. `on_run` is that of
    /// [`Stopwatch::in_turn`].
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn check(&mut self, probe: &Dispatch, on_run: &dyn Fn(bool)) -> Result<(), DeviceError> {
        let calls = self.calls(probe, SAMPLE.max(self.fixed * FIXED_COSTS), on_run)?;
        // The best of some: a busy host may be late to hear of the end.
        let mut best = 0.0f64;
        for _ in 0..PROBES {
            let reading = self.read(probe, calls, on_run)?;
            best = best.max(self.by(reading) / reading.host.as_secs_f64());
        }
        if self.clock == Clock::Device && best < AGREEMENT {
            self.distrust(format!("timestamps show only {best:.2} of the time that went by"));
        }
        Ok(())
    }

    /// Times `dispatch`, after a warm-up.
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn measure(&mut self, dispatch: &Dispatch) -> Result<Times, DeviceError> {
        loop {
            let clock = self.clock;
            let calls = self.calls(dispatch, self.target(), &|_| {})?;
            let rounds: Vec<_> = (0..self.rounds)
                .map(|_| Ok(self.sample(dispatch, calls, &|_| {})? / calls as f64))
                .collect::<Result<_, DeviceError>>()?;
            // A stamp that was wrong on the way has changed the clock: once more by the other one.
            if self.clock == clock {
                return Ok(Times::new(clock, calls, rounds));
            }
        }
    }

    /// Times several dispatches in turn, so that all of them meet the same noise: the rounds of each, in seconds a
    /// call. `on_run` hears when one begins (true) and has ended (false).
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn in_turn(
        &mut self,
        dispatches: &[&Dispatch],
        on_run: &dyn Fn(bool),
    ) -> Result<Vec<Vec<f64>>, DeviceError> {
        loop {
            let clock = self.clock;
            let mut calls = Vec::new();
            for dispatch in dispatches {
                calls.push(self.calls(dispatch, self.target(), on_run)?);
            }
            let mut rounds = vec![Vec::with_capacity(self.rounds); dispatches.len()];
            for _ in 0..self.rounds {
                for ((dispatch, &calls), rounds) in dispatches.iter().zip(&calls).zip(&mut rounds) {
                    rounds.push(self.sample(dispatch, calls, on_run)? / calls as f64);
                }
            }
            // As in `measure`.
            if self.clock == clock {
                return Ok(rounds);
            }
        }
    }

    /// Seconds of one call, after a warm-up.
    ///
    /// # Errors
    /// Where the device is lost.
    pub fn once(&mut self, dispatch: &Dispatch) -> Result<f64, DeviceError> {
        self.sample(dispatch, 1, &|_| {})?;
        self.sample(dispatch, 1, &|_| {})
    }

    /// Seconds that a sample takes at the least.
    pub fn target(&self) -> f64 {
        match self.clock {
            Clock::Device => SAMPLE,
            Clock::Host => SAMPLE.max(self.fixed * FIXED_COSTS),
        }
    }

    /// How many calls take `target` seconds; the first one, which may compile, only warms up.
    fn calls(
        &mut self,
        dispatch: &Dispatch,
        target: f64,
        on_run: &dyn Fn(bool),
    ) -> Result<usize, DeviceError> {
        self.sample(dispatch, 1, on_run)?;
        let mut calls = 1;
        loop {
            let reading = self.read(dispatch, calls, on_run)?;
            let (host, seconds) = (reading.host.as_secs_f64(), self.by(reading));
            // What went by on the host bounds a sample, too: stamps that hardly grow must not.
            let more = (1.1 * target / seconds).min(SUBMISSION / host);
            if seconds >= target || host >= SUBMISSION / 2.0 || calls == MAX_CALLS {
                return Ok(calls);
            }
            calls = ((more * calls as f64).ceil() as usize).clamp(calls + 1, calls * 16).min(MAX_CALLS);
        }
    }

    fn read(&self, dispatch: &Dispatch, calls: usize, on_run: &dyn Fn(bool)) -> Result<Reading, DeviceError> {
        on_run(true);
        let reading = self.timer.read(self.device, dispatch, calls);
        on_run(false);
        reading
    }

    fn sample(
        &mut self,
        dispatch: &Dispatch,
        calls: usize,
        on_run: &dyn Fn(bool),
    ) -> Result<f64, DeviceError> {
        let reading = self.read(dispatch, calls, on_run)?;
        Ok(self.by(reading))
    }

    /// Seconds by the clock in use; a device's time that cannot be changes the clock.
    fn by(&mut self, reading: Reading) -> f64 {
        let host = reading.host.as_secs_f64();
        if self.clock == Clock::Host {
            return host;
        }
        let Some(stamps) = reading.device else {
            self.distrust("the device offers no timestamps".into());
            return host;
        };
        match stamps.seconds() {
            Some(seconds) if seconds <= DRIFT * host => return seconds,
            Some(seconds) => {
                self.distrust(format!("timestamps say {seconds:.2e} s where only {host:.2e} s went by"));
            }
            None => self.distrust(format!("timestamps went from {} to {}", stamps.begin, stamps.end)),
        }
        host
    }

    fn distrust(&mut self, why: String) {
        self.clock = Clock::Host;
        self.why_host = Some(why);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_the_range_around_it() {
        let times = |rounds: &[f64]| Times::new(Clock::Host, 1, rounds.to_vec());
        let odd = times(&[3.0, 1.0, 9.0]);
        assert_eq!((odd.min(), odd.median(), odd.max()), (1.0, 3.0, 9.0));
        assert_eq!(times(&[4.0, 1.0, 2.0, 9.0]).median(), 3.0);
        assert_eq!(times(&[5.0]).median(), 5.0);
    }
}
