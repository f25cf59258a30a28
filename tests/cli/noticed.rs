//! What a training notices about itself: it has diverged, it learns nothing, or a kernel counts too many
//! correct predictions.

use std::{collections::BTreeMap, fs};

use shadegrad::{
    model,
    net::{Init, Shape},
};

use super::{
    harness::*,
    shaders::fused_step,
    shaders::{edited, fused_step_for},
};

/// Every way to compute.
const WAYS: [&[&str]; 3] =
    [&["--device", "cpu"], &["--device", "gpu", "--plan", "layerwise"], &["--device", "gpu"]];

#[test]
fn a_finite_loss_far_above_its_start_is_a_divergence_and_replaces_no_file() {
    let folder = temporary();
    let model = inside(&folder, "model");
    for way in WAYS {
        fs::write(&model, "a good model").unwrap();
        let args = ["--alpha", "1e10", "--iters", "40", "--save", &model, "--json"];
        let run = run(&[&args, way].concat()).status(7);
        let end = run.end();
        assert_eq!(end["reason"], "diverged");
        assert!(end["loss"].as_f64().is_some_and(|loss| loss > 1e6), "{end}");
        run.says(&[
            "training diverged after 30 iterations: the loss is ",
            "more than 100 times",
            "model is not written",
        ]);
        assert_eq!(fs::read_to_string(&model).unwrap(), "a good model", "{way:?}");
    }
    // A training that learns fast and one that only wobbles have not diverged.
    for alpha in ["0.5", "3"] {
        run(&["--alpha", alpha, "--iters", "40", "--device", "cpu", "--save", &model]).status(0);
    }
}

/// The rate has no part in it.
#[test]
fn an_edited_shader_that_only_evaluates_is_told_where_its_loss_is_wrong() {
    let infinite = edited(
        "softmax_cross_entropy.wgsl",
        "loss[row] = ",
        "loss[row] = bitcast<f32>(0x7f800000u + 0u * row) * ",
    );
    let run = |plan| {
        run(&["--device", "gpu", "--plan", plan, "--iters", "3", "--shaders", path_text(infinite.path())])
    };
    let diverged = run("layerwise").status(7).says(&["diverged", "; try a smaller --alpha"]);
    assert!(!diverged.stderr.contains("only evaluate"), "{}", diverged.stderr);
    if fused_step().is_some() {
        run("fused").status(7).says(&[
            "diverged",
            "edited shaders that only evaluate may be the cause (softmax_cross_entropy): try without them",
        ]);
    } else {
        run("fused").status(2).says(&["this adapter is neither"]);
    }
}

#[test]
fn a_network_that_learns_nothing_is_a_hint() {
    let folder = temporary();
    let dead = inside(&folder, "dead");
    let mut parameters = Init::Uniform.parameters(&Shape::new(35, &[10], 10).unwrap(), 1);
    parameters.layers[0].bias.fill(-1e3);
    model::save(dead.as_ref(), &parameters, &BTreeMap::new()).unwrap();
    for way in WAYS {
        let args = ["--init", &dead, "--alpha", "1", "--iters", "300", "--report-every", "100", "--json"];
        let run = run(&[&args, way].concat()).status(0);
        let hints = run.end()["hints"].as_array().cloned().unwrap_or_default();
        assert_eq!(hints.len(), 2, "{way:?}: {hints:?}");
        assert!(hints[0].as_str().is_some_and(|hint| hint.starts_with("the loss stays at 2.")), "{hints:?}");
        assert!(
            hints[1]
                .as_str()
                .is_some_and(|hint| hint.starts_with("10 of 10 units of hidden layer 0 are dead"))
        );
        run.has_narrow_notes().says(&[
            "hint: the loss stays at 2.",
            "about ln(10)",
            "hint: 10 of 10 units",
            "--alpha (now 1.0)",
        ]);
        let learns = super::run(&[&["--iters", "40", "--alpha", "0.5", "--json"], way].concat()).status(0);
        assert!(learns.end().get("hints").is_none() && !learns.stderr.contains("hint"), "{}", learns.stderr);
    }
}

/// Before a target can be reached with it.
#[test]
fn more_correct_predictions_than_samples_name_the_kernel() {
    for (file, from, to) in [
        ("softmax_cross_entropy", "correct[row] = select(0u, 1u, best == label);", "correct[row] = 5u;"),
        ("partial_metrics", "correct_sum += correct[row];", "correct_sum += 2u;"),
        (
            "reduce_metrics",
            "correct_total += correct_partials[i];",
            "correct_total += 9u * correct_partials[i] + 1000u;",
        ),
    ] {
        let folder = edited(&format!("{file}.wgsl"), from, to);
        let shaders = ["--shaders", path_text(folder.path()), "--iters", "30", "--target-acc", "99", "-q"];
        for plan in ["layerwise", "auto"] {
            let run = run(&[&shaders[..], &["--device", "gpu", "--plan", plan]].concat()).status(6);
            run.says(&[
                &format!("error: {file} counted "),
                "correct predictions among ",
                "the result is wrong",
            ]);
        }
    }
}

#[test]
fn the_fused_kernel_is_named_too() {
    let Some(file) = fused_step_for("the fused kernel that counts too many") else { return };
    let folder = if file.contains("small_subgroups") {
        edited(&file, "correct_partials[group.x] = hits;", "correct_partials[group.x] = 613u;")
    } else {
        edited("variants/fused_gpu.wgsl", "u32(totals.y);", "613u;")
    };
    let train = ["--limit", "300", "--iters", "3", "--plan", "fused", "--device", "gpu"];
    let run = run(&[&train[..], &["--shaders", path_text(folder.path())]].concat());
    run.status(6).says(&["fused_step.", " counted ", " among 300 train samples"]);
}
