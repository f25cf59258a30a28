//! From the flags and the sizes of the data to what is trained: what does not go together is told here,
//! with the numbers.

use super::TrainArgs;
use crate::{
    Error, Result,
    recipe::{Decay, LearningRate, Recipe},
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

/// The recipe as the flags have it: a batch may be larger than the data, and the rate has no schedule yet.
pub(super) fn recipe(args: &TrainArgs) -> Recipe {
    Recipe {
        activation: args.activation,
        optimizer: args.optimizer,
        weight_decay: args.weight_decay.unwrap_or(args.optimizer.default_weight_decay()),
        rate: LearningRate::constant(args.alpha.unwrap_or(args.optimizer.default_alpha())),
        smoothing: args.label_smoothing,
        batch: args.batch.0,
        shift: args.augment.is_some(),
        seed: args.seed,
    }
}

/// The recipe, and how long to follow it, for so many training samples.
///
/// # Errors
/// [`Error::Usage`] for numbers that do not go together.
pub(super) fn course(args: &TrainArgs, samples: usize) -> Result<(Recipe, Course)> {
    let recipe = Recipe { batch: batch(args, samples)?, ..recipe(args) };
    let iters = iters(args, recipe.epoch_iters(samples))?;
    if args.warmup > iters {
        return usage(format!(
            "--warmup {}: the whole training has only {iters} iterations, see --iters and --epochs",
            args.warmup
        ));
    }
    match args.schedule.0 {
        Decay::Step { every, .. } if iters > 0 && args.warmup.saturating_add(every) >= iters => {
            return usage(format!(
                "--schedule {}: with --warmup {} the first step would come after iteration {}, and the whole training has only {iters}",
                args.schedule,
                args.warmup,
                args.warmup.saturating_add(every)
            ));
        }
        _ => {}
    }
    let rate = LearningRate { decay: args.schedule.0, warmup: args.warmup, iters, ..recipe.rate };
    let every = if recipe.batch.is_some() { recipe.epoch_iters(samples) } else { REPORT_EVERY };
    let goal = Goal { target: args.target_acc, patience: args.early_stop };
    let report_every = args.report_every.unwrap_or(every);
    check_patience(args, iters.div_ceil(report_every))?;
    Ok((Recipe { rate, ..recipe }, Course { iters, report_every, goal }))
}

/// Whether --early-stop can ever stop: the first report sets the loss that the others are held against.
fn check_patience(args: &TrainArgs, reports: usize) -> Result<()> {
    match args.early_stop {
        Some(patience) if reports > 0 && patience >= reports => usage(format!(
            "--early-stop {patience}: the whole training has only {reports} reports, see --report-every"
        )),
        _ => Ok(()),
    }
}

fn batch(args: &TrainArgs, samples: usize) -> Result<Option<usize>> {
    match args.batch.0 {
        Some(batch) if batch > samples => usage(format!(
            "--batch {batch}: there are only {samples} images to train on; full takes all of them"
        )),
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        cli::Cli,
        recipe::{Activation, Optimizer},
    };

    fn course_of(args: &[&str]) -> (Recipe, Course) {
        let cli = Cli::try_parse_from(["shadegrad"].iter().chain(args)).unwrap();
        check(&cli.train).unwrap();
        course(&cli.train, 1_000).unwrap()
    }

    #[test]
    fn without_flags_it_is_the_classic() {
        let (recipe, course) = course_of(&[]);
        let rate = LearningRate { iters: 500, ..LearningRate::constant(0.1) };
        assert_eq!(recipe, Recipe { rate, seed: 42, ..Recipe::gradient_descent(0.1) });
        assert_eq!(course, Course { iters: 500, report_every: 10, goal: Goal::default() });
    }

    #[test]
    fn every_flag_arrives() {
        let (recipe, course) = course_of(&[
            "--activation=gelu",
            "--optimizer=nesterov",
            "--weight-decay=0.25",
            "--alpha=0.5",
            "--schedule=step:7:0.5",
            "--warmup=3",
            "--label-smoothing=0.125",
            "--batch=300",
            "--augment=shift",
            "--seed=9",
            "--epochs=5",
            "--val=20",
            "--early-stop=2",
            "--target-acc=99.5",
        ]);
        let decay = Decay::Step { every: 7, factor: 0.5 };
        let expected = Recipe {
            activation: Activation::Gelu,
            optimizer: Optimizer::Nesterov,
            weight_decay: 0.25,
            rate: LearningRate { alpha: 0.5, decay, warmup: 3, iters: 20 },
            smoothing: 0.125,
            batch: Some(300),
            shift: true,
            seed: 9,
        };
        assert_eq!(recipe, expected);
        let goal = Goal { target: Some(99.5), patience: Some(2) };
        assert_eq!(course, Course { iters: 20, report_every: 4, goal });
    }

    #[test]
    fn what_is_not_said_follows_from_the_optimizer() {
        for (name, alpha, weight_decay) in
            [("rmsprop", 0.01, 0.0), ("adam", 0.001, 0.0), ("adamw", 0.001, 0.01)]
        {
            let (recipe, _) = course_of(&["--optimizer", name]);
            assert_eq!((recipe.rate.alpha, recipe.weight_decay), (alpha, weight_decay), "{name}");
        }
    }
}
