//! The time of a whole iteration, run as training runs it.

use crate::clock::{Duration, Instant};

use super::{Clock, Row, Setup, Times, verify};
use crate::{
    data::Split,
    plan::PlanKind,
    train::{Engine, GpuEngine, TrainError},
};

/// A sample should take as long: many submissions.
const SAMPLE: Duration = Duration::from_millis(100);

/// One iteration of full-batch gradient descent by one plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Iteration {
    /// The plan's name.
    pub plan: &'static str,
    /// Training samples that went through.
    pub samples: usize,
    /// Training samples that it was verified on.
    pub verified: usize,
    /// Iterations that were compared.
    pub compared: usize,
    /// Floating-point operations of all kernels that multiply matrices.
    pub flops: u64,
    /// The medians of its kernels' times, each as often as it is called, in seconds; none where one is
    /// wrong.
    pub kernels: Option<f64>,
    /// The time of an iteration, none before it is measured; or the first difference.
    pub outcome: Result<Option<Times>, String>,
}

impl Iteration {
    /// The verdict, and no time so far. With a wrong kernel no iteration counts as right.
    pub(super) fn new(setup: &Setup, kind: PlanKind, rows: &[Row], difference: Option<String>) -> Self {
        let wrong = rows.iter().find(|row| row.outcome.is_err());
        let difference = difference.or(wrong.map(|row| format!("{} is wrong", row.kernel)));
        Iteration {
            plan: kind.name(),
            samples: setup.data.train.len(),
            verified: verify::samples(setup),
            compared: verify::ITERATIONS,
            flops: rows.iter().map(|row| row.calls as u64 * row.flop.unwrap_or(0)).sum(),
            kernels: None,
            outcome: difference.map_or(Ok(None), Err),
        }
    }

    /// The time, where it has one.
    pub fn times(&self) -> Option<&Times> {
        self.outcome.as_ref().ok()?.as_ref()
    }

    /// Floating-point operations a second, at the median.
    pub fn flops_rate(&self) -> Option<f64> {
        Some(self.flops as f64 / self.times()?.median())
    }

    /// Takes in the times of its kernels.
    pub(super) fn add_up(&mut self, rows: &[Row]) {
        self.kernels = rows.iter().map(|row| Some(row.calls as f64 * row.times()?.median())).sum();
    }

    /// Times it where it is right. Samples that a sum leaves out on the way make it wrong, too.
    ///
    /// # Errors
    /// Where the device is lost.
    pub(super) fn measure(&mut self, engine: &mut GpuEngine, rounds: usize) -> Result<(), TrainError> {
        if let Ok(times) = &mut self.outcome {
            *times = Some(measure(engine, rounds)?);
            if let Err(error) = engine.evaluate(Split::Train) {
                match error {
                    TrainError::SamplesMissed { .. } => self.outcome = Err(error.to_string()),
                    error => return Err(error),
                }
            }
        }
        Ok(())
    }
}

fn measure(engine: &mut GpuEngine, rounds: usize) -> Result<Times, TrainError> {
    // While this looks for the number of iterations, the engine finds how many fill a submission.
    let mut count = 1;
    loop {
        let elapsed = run(engine, count)?;
        if elapsed >= SAMPLE {
            break;
        }
        let fitting = 1.1 * SAMPLE.div_duration_f64(elapsed) * count as f64;
        count = (fitting.ceil() as usize).clamp(count + 1, count * 4);
    }
    let sample = |_| Ok(run(engine, count)?.as_secs_f64() / count as f64);
    let samples = (0..rounds).map(sample).collect::<Result<_, TrainError>>()?;
    Ok(Times::new(Clock::Host, count, samples))
}

fn run(engine: &mut GpuEngine, count: usize) -> Result<Duration, TrainError> {
    let start = Instant::now();
    let mut done = 0;
    while done < count {
        done += engine.iterate(count - done)?;
    }
    engine.drain(0)?;
    Ok(start.elapsed())
}
