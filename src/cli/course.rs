//! From the flags and the sizes of the data to what is trained: what does not go together is told here,
//! with the numbers.

use super::TrainArgs;
use crate::{
    Error, Result,
    recipe::{LearningRate, Recipe},
    train::{Course, Goal},
};

/// Iterations where nothing is said.
const ITERS: usize = 500;
/// Iterations between reports of full-batch training.
const REPORT_EVERY: usize = 10;

/// What can be told before the data is read.
///
/// # Errors
/// [`Error::Usage`] for flags that exclude each other.
pub(super) fn check(args: &TrainArgs) -> Result<()> {
    if let (Some(iters), Some(epochs)) = (args.iters, args.epochs) {
        return usage(format!("--iters {iters} and --epochs {epochs} both say how long to train: give one"));
    }
    if let (Some(reports), None) = (args.early_stop, args.val) {
        return usage(format!(
            "--early-stop {reports} looks at the loss of images that are held out: give --val N, too"
        ));
    }
    if args.augment.is_some() && args.batch.0.is_none() {
        return usage("--augment shift shifts the images of mini-batches: give --batch N, too".into());
    }
    Ok(())
}

/// The recipe, and how long to follow it, for so many training samples.
///
/// # Errors
/// [`Error::Usage`] for numbers that do not go together.
pub(super) fn course(args: &TrainArgs, samples: usize) -> Result<(Recipe, Course)> {
    let recipe = Recipe {
        activation: args.activation,
        optimizer: args.optimizer,
        weight_decay: args.weight_decay.unwrap_or(args.optimizer.default_weight_decay()),
        rate: LearningRate::constant(args.alpha.unwrap_or(args.optimizer.default_alpha())),
        smoothing: args.label_smoothing,
        batch: batch(args, samples)?,
        shift: args.augment.is_some(),
        seed: args.seed,
    };
    let iters = iters(args, recipe.epoch_iters(samples))?;
    if args.warmup > iters {
        return usage(format!("--warmup {}: the whole training has only {iters} iterations", args.warmup));
    }
    let rate = LearningRate { decay: args.schedule.0, warmup: args.warmup, iters, ..recipe.rate };
    let every = if recipe.batch.is_some() { recipe.epoch_iters(samples) } else { REPORT_EVERY };
    let goal = Goal { target: args.target_acc, patience: args.early_stop };
    let report_every = args.report_every.unwrap_or(every);
    Ok((Recipe { rate, ..recipe }, Course { iters, report_every, goal }))
}

fn batch(args: &TrainArgs, samples: usize) -> Result<Option<usize>> {
    match args.batch.0 {
        Some(batch) if batch > samples => {
            usage(format!("--batch {batch}: there are only {samples} images to train on"))
        }
        batch => Ok(batch),
    }
}

fn iters(args: &TrainArgs, epoch_iters: usize) -> Result<usize> {
    let Some(epochs) = args.epochs else { return Ok(args.iters.unwrap_or(ITERS)) };
    epochs.checked_mul(epoch_iters).ok_or_else(|| {
        Error::Usage(format!("--epochs {epochs} of {epoch_iters} iterations are more than can be counted"))
    })
}

fn usage<T>(message: String) -> Result<T> {
    Err(Error::Usage(message))
}
