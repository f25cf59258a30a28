//! What ends a training before its iterations are done.

use super::*;
use shadegrad::{
    gpu::GraphicsApi,
    train::{CpuTrainer, Divergence, Hint},
};

/// Learns fast, with samples held out.
fn data() -> Dataset {
    let mut data = common::dataset(7, 5, 613, 101);
    data.hold_out(100);
    data
}

/// The same training by both engines.
fn engines(data: &Dataset, recipe: &Recipe) -> [Box<dyn Engine>; 2] {
    engines_from(data, recipe, &start(data, &[10]))
}

fn engines_from(data: &Dataset, recipe: &Recipe, start: &(Shape, Parameters)) -> [Box<dyn Engine>; 2] {
    let gpu = gpu_engine(data, start, recipe, layerwise()).unwrap_or_else(|error| panic!("{error}"));
    let cpu = CpuTrainer::new(CpuEngine::new(Arc::new(data.clone()), start.1.clone(), recipe));
    [Box::new(gpu), Box::new(cpu)]
}

#[test]
fn a_target_stops_with_the_weights_that_reach_it() {
    let recipe = Recipe { batch: Some(64), ..Recipe::gradient_descent(0.5) };
    let goal = Goal { target: Some(90.0), patience: None };
    for mut engine in engines(&data(), &recipe) {
        let (reports, end) = follow(engine.as_mut(), &TrainOptions { iters: 2_000, report_every: 7, goal });
        assert_eq!(end.reason, Reason::Target);
        assert!(end.iters.is_multiple_of(7) && end.iters > 0 && end.iters < 2_000, "{}", end.iters);
        assert_eq!(reports.len(), end.iters / 7);
        let val = figures(&end).val.expect("held out");
        assert!(val.accuracy() >= 0.9, "{val:?}");
        assert!(reports.iter().all(|report| report.val.is_some_and(|val| val.accuracy() < 0.9)));
        let all: u64 = reports.iter().map(|report| report.train.samples).sum();
        assert_eq!(reports[1].train.samples, 7 * 64, "of all iterations since the last report");
        assert!(all < end.iters as u64 * 64);
    }
}

#[test]
fn a_validation_loss_that_stays_up_stops_the_training() {
    let goal = Goal { target: None, patience: Some(3) };
    // Nothing moves, so no report has a lower loss than the first.
    let recipe = Recipe::gradient_descent(0.0);
    for mut engine in engines(&data(), &recipe) {
        let (reports, end) = follow(engine.as_mut(), &TrainOptions { iters: 100, report_every: 5, goal });
        assert_eq!((end.reason, end.iters, reports.len()), (Reason::EarlyStop, 15, 3));
    }
}

/// The loss is not finite from the second step on: both engines stop at the report after it.
#[test]
fn a_divergence_ends_at_a_report_whatever_the_device() {
    let recipe = Recipe { batch: Some(3), ..Recipe::gradient_descent(1e30) };
    for mut engine in engines(&data(), &recipe) {
        let end = follow(engine.as_mut(), &reporting(1_000, 50)).1;
        assert_eq!((end.reason, end.iters), (Reason::Diverged, 100));
    }
}

/// The loss stays finite, but far above its start: both engines stop after the second such report, or at the
/// end if there are too few.
#[test]
fn a_finite_divergence_ends_at_the_second_report_or_at_the_end() {
    for (recipe, options, iters) in [
        (Recipe::gradient_descent(1e4), reporting(1_000, 5), 15),
        (Recipe { batch: Some(64), ..Recipe::gradient_descent(1e4) }, reporting(1_000, 5), 15),
        (Recipe::gradient_descent(1e4), reporting(3, 5), 3_usize),
    ] {
        for mut engine in engines(&data(), &recipe) {
            let (reports, end) = follow(engine.as_mut(), &options);
            assert_eq!((end.reason, end.iters, reports.len()), (Reason::Diverged, iters, iters.div_ceil(5)));
            let found = end.divergence.expect("why it has diverged");
            assert!(matches!(found, Divergence::TooHigh { loss, limit } if loss > limit), "{found}");
            assert!(end.parameters.values().all(f32::is_finite), "{recipe:?}");
        }
    }
}

/// A parameter that is no number reaches the loss in every plan and kernel: no ReLU makes it a 0.
#[test]
fn what_is_no_number_reaches_the_loss_in_every_plan() {
    let (data, recipe) = (data(), plain());
    let (shape, sound) = start(&data, &[10]);
    let gl = adapter().backend() == GraphicsApi::Gl.name();
    for (layer, value) in [(0, f32::NAN), (0, f32::INFINITY), (1, f32::NAN), (1, f32::INFINITY)] {
        if gl && layer == 0 {
            not_run(&format!(
                "{value} in layer 0: GLSL promises no NaN, and of ReLU's choice it allows a maximum"
            ));
            continue;
        }
        for of_bias in [false, true] {
            let mut start = (shape.clone(), sound.clone());
            let layer_parameters = &mut start.1.layers[layer];
            match of_bias {
                true => layer_parameters.bias[0] = value,
                false => layer_parameters.weight[(0, 0)] = value,
            }
            for plan in plans(&shape, &data, &recipe) {
                let mut engine =
                    gpu_engine(&data, &start, &recipe, plan).unwrap_or_else(|error| panic!("{error}"));
                let (reports, end) = follow(&mut engine, &reporting(1, 1));
                let what = format!("{value} in layer {layer}, bias {of_bias}, {plan:?}");
                assert!(!reports[0].train.loss.is_finite(), "{what}: {}", reports[0].train.loss);
                assert_eq!(end.reason, Reason::Diverged, "{what}");
            }
        }
    }
}

/// Biases far below 0 kill all units: the loss stays at ln(10).
#[test]
fn a_dead_network_is_a_hint() {
    let (data, recipe) = (data(), Recipe::gradient_descent(1.0));
    let (shape, mut dead) = start(&data, &[10]);
    dead.layers[0].bias.fill(-1e3);
    for mut engine in engines_from(&data, &recipe, &(shape, dead)) {
        let mut end = follow(engine.as_mut(), &reporting(300, 100)).1;
        end.look_for_dead_units(&data.train, recipe.activation);
        let [Hint::Stuck { classes: 10, .. }, dead] = end.hints[..] else { panic!("{:?}", end.hints) };
        assert_eq!(dead, Hint::DeadUnits { layer: 0, dead: 10, units: 10, images: 257 });
    }
    for mut engine in engines(&data, &plain()) {
        let mut end = follow(engine.as_mut(), &reporting(40, 10)).1;
        end.look_for_dead_units(&data.train, recipe.activation);
        assert_eq!(end.hints, [], "it learns");
    }
}

/// The time of the loop is that without evaluations: of one iteration with a report, whose test set is five hundred
/// times as large, no more is left than of one without. The shortest of some tries: other tests run
/// beside this one.
#[test]
fn the_time_of_an_iteration_is_without_evaluations() {
    let data = mnist(20, 10_000);
    let start = start(&data, &[10]);
    for plan in own_plans(&start.0, &data, &plain()) {
        let mut engine = gpu_engine(&data, &start, &plain(), plan).unwrap_or_else(|error| panic!("{error}"));
        let mut shortest = f64::INFINITY;
        let mut evaluation = 0.0f64;
        for _ in 0..3 {
            let before = engine.evaluating();
            shortest = shortest.min(follow(&mut engine, &reporting(2, 1)).1.ms_per_iter.expect("a time"));
            evaluation = evaluation.max((engine.evaluating() - before).as_secs_f64() * 1e3 / 4.0);
        }
        assert!(shortest < evaluation, "{shortest} ms an iteration, {evaluation} ms an evaluation");
    }
}

/// Evaluations of a training before are no part of this one's time and figures.
#[test]
fn an_engine_may_be_followed_twice() {
    for recipe in [plain(), Recipe { batch: Some(64), ..plain() }] {
        for mut engine in engines(&data(), &recipe) {
            let before = follow(engine.as_mut(), &reporting(200, 1)).1.figures.expect("figures").train;
            let (reports, end) = follow(engine.as_mut(), &reporting(1, 1));
            assert!(end.ms_per_iter.expect("a time") > 0.0);
            let first = reports[0].train;
            assert_eq!(first.samples, recipe.batch.map_or(before.samples, |batch| batch as u64));
            assert!(recipe.batch.is_some() || first.correct == before.correct, "{first:?} after {before:?}");
            assert!((first.loss - before.loss).abs() < 0.3 * before.loss, "{first:?} after {before:?}");
        }
    }
}

#[test]
fn the_last_step_may_reach_the_target() {
    let goal = Goal { target: Some(0.0), patience: None };
    let missed = Goal { target: Some(100.0), patience: None };
    let recipe = Recipe::gradient_descent(0.1);
    for (goal, iters, reason) in [(goal, 0, Reason::Target), (missed, 3, Reason::Iters)] {
        for mut engine in engines(&data(), &recipe) {
            let end = follow(engine.as_mut(), &TrainOptions { iters, report_every: 10, goal }).1;
            assert_eq!((end.reason, end.iters), (reason, iters));
        }
    }
}

/// Asks to stop as soon as it hears of an iteration.
struct Stopper {
    at: usize,
    stop: Stop,
    reported: usize,
}

impl Observer for Stopper {
    fn report(&mut self, report: &Report) -> io::Result<()> {
        self.reported += 1;
        if report.iter >= self.at {
            self.stop.ask();
        }
        Ok(())
    }

    fn progress(&mut self, _done: usize) {}
}

#[test]
fn a_stop_leaves_the_weights_of_the_last_whole_iteration_and_no_figures() {
    let recipe = Recipe { batch: Some(64), ..Recipe::gradient_descent(0.5) };
    for (mut engine, mut again) in engines(&data(), &recipe).into_iter().zip(engines(&data(), &recipe)) {
        let mut stopper = Stopper { at: 20, stop: Stop::default(), reported: 0 };
        let stop = stopper.stop.clone();
        let end = train(engine.as_mut(), &reporting(1_000_000, 5), &mut stopper, &stop).expect("an end");
        assert_eq!((end.reason, end.figures), (Reason::Interrupted, None));
        assert!((20..1000).contains(&end.iters), "{} iterations", end.iters);
        assert!(stopper.reported >= 5, "{} reports", stopper.reported);
        let whole = follow(again.as_mut(), &reporting(end.iters, 5)).1;
        assert_eq!(whole.parameters, end.parameters, "{} iterations", end.iters);
    }
}

#[test]
fn a_stop_before_the_first_iteration_leaves_the_start() {
    let data = data();
    for mut engine in engines(&data, &plain()) {
        let stop = Stop::default();
        stop.ask();
        let end = train(engine.as_mut(), &reporting(10, 5), &mut Kept::default(), &stop).expect("an end");
        assert_eq!((end.reason, end.iters, end.figures), (Reason::Interrupted, 0, None));
        assert_eq!(end.parameters, start(&data, &[10]).1);
    }
}
