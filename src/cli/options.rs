//! From the flags and the sizes of the data to what is trained. What does not go together is reported
//! here, with the numbers.

use super::{DeviceArg, Error, TrainArgs};
use crate::{
    recipe::{Decay, LearningRate, Recipe},
    train::{Goal, TrainOptions},
};

/// Iterations if nothing is said.
const ITERS: usize = 500;
/// Iterations between reports of full-batch training.
const REPORT_EVERY: usize = 10;

/// Reports what is wrong whatever the data are.
///
/// # Errors
/// [`Error::Usage`] for flags that exclude each other.
pub(super) fn check(args: &TrainArgs) -> Result<(), Error> {
    if let (Some(iters), Some(epochs)) = (args.iters, args.epochs) {
        return usage(format!("--iters {iters} and --epochs {epochs} both say how long to train: give one"));
    }
    if let (Some(reports), None) = (args.early_stop, args.val) {
        return usage(format!(
            "--early-stop {reports} looks at the loss of held-out images: give --val N, too"
        ));
    }
    if args.augment.is_some() && args.batch.is_none() {
        return usage("--augment shift shifts the images of mini-batches: give --batch N, too".into());
    }
    match (&args.device.device, args.shaders.plan) {
        (Some(DeviceArg::Cpu), Some(plan)) => {
            usage(format!("--plan {plan}: the CPU engine runs no shaders and has no plans"))
        }
        _ => Ok(()),
    }
}

/// A training as it is run.
pub(super) struct Resolved {
    /// The flags, with the values that were used for those that were not given.
    pub args: TrainArgs,
    pub recipe: Recipe,
    pub options: TrainOptions,
}

/// What is trained on this many samples.
///
/// # Errors
/// [`Error::Usage`] for numbers that do not go together.
pub(super) fn resolve(args: &TrainArgs, samples: usize) -> Result<Resolved, Error> {
    let mut recipe = recipe(args);
    if let Some(batch) = args.batch.filter(|&batch| batch > samples) {
        return usage(format!(
            "--batch {batch}: there are only {samples} images to train on; full takes all of them"
        ));
    }
    let iters = iters(args, recipe.epoch_iters(samples))?;
    check_schedule(args, iters)?;
    recipe.rate = LearningRate { decay: args.schedule, warmup: args.warmup, iters, ..recipe.rate };
    let every = if recipe.batch.is_some() { recipe.epoch_iters(samples) } else { REPORT_EVERY };
    let report_every = args.report_every.unwrap_or(every);
    check_patience(args, iters.div_ceil(report_every))?;
    let args = TrainArgs {
        iters: Some(iters),
        alpha: Some(recipe.rate.alpha),
        weight_decay: Some(recipe.weight_decay),
        report_every: Some(report_every),
        ..args.clone()
    };
    let goal = Goal { target: args.target_acc, patience: args.early_stop };
    Ok(Resolved { args, recipe, options: TrainOptions { iters, report_every, goal } })
}

/// The recipe as the flags have it; the rate has no schedule yet.
fn recipe(args: &TrainArgs) -> Recipe {
    Recipe {
        activation: args.activation,
        optimizer: args.optimizer,
        weight_decay: args.weight_decay.unwrap_or(args.optimizer.default_weight_decay()),
        rate: LearningRate::constant(args.alpha.unwrap_or(args.optimizer.default_alpha())),
        smoothing: args.label_smoothing,
        batch: args.batch,
        shift: args.augment.is_some(),
        seed: args.seed,
    }
}

/// Whether warm-up and the first step come before the end.
fn check_schedule(args: &TrainArgs, iters: usize) -> Result<(), Error> {
    let warmup = args.warmup;
    if warmup > iters {
        return usage(format!(
            "--warmup {warmup}: the whole training has only {iters} iterations, see --iters and --epochs"
        ));
    }
    match args.schedule {
        Decay::Step { every, .. } if iters > 0 && warmup.saturating_add(every) >= iters => usage(format!(
            "--schedule {}: with --warmup {warmup} the first step would come after iteration {}, and the whole training has only {iters}",
            args.schedule,
            warmup.saturating_add(every)
        )),
        _ => Ok(()),
    }
}

/// Whether --early-stop can ever stop: the first report sets the loss that the others are compared with.
fn check_patience(args: &TrainArgs, reports: usize) -> Result<(), Error> {
    match args.early_stop {
        Some(patience) if reports > 0 && patience >= reports => usage(format!(
            "--early-stop {patience}: the whole training has {reports} report{}, and the first one sets the loss to fall: report more often (--report-every), or train longer",
            if reports == 1 { "" } else { "s" }
        )),
        _ => Ok(()),
    }
}

fn iters(args: &TrainArgs, epoch_iters: usize) -> Result<usize, Error> {
    let Some(epochs) = args.epochs else { return Ok(args.iters.unwrap_or(ITERS)) };
    epochs.checked_mul(epoch_iters).ok_or_else(|| {
        Error::Usage(format!("--epochs {epochs} of {epoch_iters} iterations are more than can be counted"))
    })
}

fn usage<T>(message: String) -> Result<T, Error> {
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

    fn resolved(args: &[&str]) -> (Recipe, TrainOptions) {
        let cli = Cli::try_parse_from(["shadegrad"].iter().chain(args)).unwrap();
        check(&cli.train).unwrap();
        let Resolved { recipe, options, .. } = resolve(&cli.train, 1_000).unwrap();
        (recipe, options)
    }

    #[test]
    fn without_flags_it_is_the_classic() {
        let (recipe, options) = resolved(&[]);
        let rate = LearningRate { iters: 500, ..LearningRate::constant(0.1) };
        assert_eq!(recipe, Recipe { rate, seed: 42, ..Recipe::gradient_descent(0.1) });
        assert_eq!(options, TrainOptions { iters: 500, report_every: 10, goal: Goal::default() });
    }

    #[test]
    fn every_flag_arrives() {
        let (recipe, options) = resolved(&[
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
        assert_eq!(options, TrainOptions { iters: 20, report_every: 4, goal });
    }

    #[test]
    fn what_is_not_said_follows_from_the_optimizer() {
        for (name, alpha, weight_decay) in
            [("rmsprop", 0.01, 0.0), ("adam", 0.001, 0.0), ("adamw", 0.001, 0.01)]
        {
            let (recipe, _) = resolved(&["--optimizer", name]);
            assert_eq!((recipe.rate.alpha, recipe.weight_decay), (alpha, weight_decay), "{name}");
        }
    }
}
