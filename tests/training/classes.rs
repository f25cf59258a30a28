//! Trainings with other numbers of classes than ten, in every plan that serves them, against the f64 twin.

use super::*;
use shadegrad::{
    data::MAX_CLASSES,
    kernels::{Sizes, fused::FusedStep},
    train::CpuTrainer,
};

/// Pictures of 5 x 3 with `classes` classes.
fn data(classes: usize, train: usize) -> Dataset {
    common::data::dataset_of(classes, 5, 3, train, 150)
}

/// The layerwise plan, the fused one with up to `variants` of its variants, and the CPU engine follow the f64 twin.
fn assert_trains(data: &Dataset, hidden: &[usize], recipe: &Recipe, variants: usize) {
    let (shape, parameters) = start(data, hidden);
    let plans = plans(&shape, data, recipe);
    assert!(plans.len() > variants.min(1), "{shape}: the fused plan serves it");
    assert_plans(data, hidden, 10, recipe, &plans[..plans.len().min(1 + variants)]);
    let data = Arc::new(data.clone());
    let mut twin = CpuEngine::new(data.clone(), parameters.map(f64::from), recipe);
    for _ in 0..10 {
        twin.iterate();
    }
    let mut engine = CpuTrainer::new(CpuEngine::new(data, parameters, recipe));
    let (_, end) = follow(&mut engine, &reporting(10, 3));
    assert!(largest_difference(&end.parameters, twin.parameters()) <= WEIGHT_BOUND, "{shape}");
    assert_metrics(
        &format!("{shape} on the CPU"),
        &end.figures.expect("figures").test,
        &evaluated(&twin, Split::Test),
    );
}

#[test]
fn letters_and_all_of_emnist_train_like_the_twin() {
    for (classes, hidden, variants) in [(26, &[3][..], 9), (47, &[2], 1), (62, &[2], 1), (62, &[20, 9], 0)] {
        assert_trains(&data(classes, 900), hidden, &plain(), variants);
    }
}

#[test]
fn hundreds_of_classes_train_like_the_twin() {
    assert_trains(&data(300, 1_500), &[8], &plain(), 0);
    assert_trains(&data(300, 1_500), &[8], &Recipe { batch: Some(400), smoothing: 0.1, ..plain() }, 0);
    assert_trains(&data(MAX_CLASSES, 2_100), &[8], &plain(), 0);
}

#[test]
fn two_classes_train_like_the_twin() {
    assert_trains(&data(2, 300), &[5], &plain(), 1);
}

/// The widest layer and the most classes that a variant serves make valid texts: no loop is too long to be
/// unrolled, and one class more is refused.
#[test]
fn what_a_fused_variant_serves_can_be_written_out() {
    let shaders = Shaders::load(None).expect("the built-in shaders");
    let subgroups = FusedStep::Subgroups { lanes: 16, words: 2 };
    let small = [8, 16].map(FusedStep::SmallSubgroups);
    for variant in [small[0], small[1], subgroups, FusedStep::Workgroup] {
        for (k, n) in [(16, 1), (784, 1), (784, 5), (8_192, 1)] {
            let classes = variant.max_classes(k, n);
            assert!(variant.max_hidden(k, classes + 1) < n, "{variant:?}, {k} pixels, {classes} classes");
            if classes > 0 {
                let sizes = variant.at(Sizes { m: 99, k, n, classes, splits: 2, ..Sizes::default() });
                let text = shaders.get(variant.file(), &sizes);
                assert!(text.is_ok(), "{sizes:?}: {}", text.err().map_or(String::new(), |e| e.to_string()));
            }
        }
    }
    assert!(small[0].max_classes(784, 10) >= 10);
}

/// Without a word about the plan, a network with too many classes for the fused one gets the layerwise one.
#[test]
fn too_many_classes_for_the_fused_plan_get_the_layerwise_one() {
    let shaders = shaders();
    let fused_steps =
        [FusedStep::SmallSubgroups(8), FusedStep::Subgroups { lanes: 8, words: 1 }, FusedStep::Workgroup];
    let both = [(10, PlanKind::Fused), (300, PlanKind::Layerwise)];
    for (fused_step, (classes, expected)) in
        fused_steps.into_iter().flat_map(|step| both.map(|case| (step, case)))
    {
        let profile = DeviceProfile { fused_step: Some(fused_step), ..DeviceProfile::default() };
        let data = data(classes, 400);
        let request = request(&start(&data, &[2]).0, &data, &plain(), profile);
        assert_eq!(plan::choose(None, &request, shaders).unwrap().kind, expected, "{classes} classes");
        let forced = plan::choose(Some(PlanKind::Fused), &request, shaders);
        assert_eq!(forced.is_ok(), expected == PlanKind::Fused, "{classes} classes");
        let most = profile.fused_step.expect("a variant").max_classes(16, 2);
        let refused = forced.err().map(|error| error.to_string());
        assert!(refused.is_none_or(|error| error.contains(&format!("at most {most} classes"))));
    }
}
