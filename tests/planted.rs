//! Faults planted in the kernels, one at a time: `shadegrad check` must find each in its default form. Without an
//! adapter these fail; a variant that the adapter cannot run is named.

#[path = "common/device.rs"]
mod device;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/not_run.rs"]
mod not_run;
#[path = "common/trials.rs"]
mod trials;

use std::{collections::BTreeMap, fs, process::ExitCode};

use libtest_mimic::{Failed, Trial};
use shadegrad::kernels::{
    CheckError, Checker, Depth, DeviceProfile, REGISTRY, Shaders, shader_files, sources_named,
};

/// What is wrong, in which file, and the text before and after.
type Fault = (&'static str, &'static str, &'static str, &'static str);

/// Faults as people make them.
#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    ("transposed weights", "matmul", "w[unit * k + u * (k / 4u) + q]", "w[unit * k + 4u * q + u]"),
    ("missing bias", "matmul", "sum[r] = b[unit];", "sum[r] = vec4f(0.0);"),
    ("last row left out", "matmul", "if (row + r < m) {", "if (row + r + 1u < m) {"),
    ("last inputs left out", "matmul_pixels", "q < k / 16u; q++", "q + 1u < k / 16u; q++"),
    ("a short sum of a long one lost", "matmul_pixels", "(total[r] + sum[r])", "sum[r]"),
    ("wrong scale of the pixels", "matmul_pixels", "/ 255.0", "/ 256.0"),
    ("last tile of inputs left out", "matmul.tiled", "k_step < (k / 4u);", "k_step + K_BLOCKS < (k / 4u);"),
    ("lower half of the tile from the upper one", "matmul.tiled", "(X_ROWS / 2u) + thread_row]", "thread_row]"),
    ("inputs past the end", "matmul.tiled", "(k_step + load_k) < (k / 4u);", "true;"),
    ("last tile left out", "matmul.tiled", "if (quad < (n / 4u)) {", "if (quad + 16u < (n / 4u)) {"),
    ("units of the next lane", "matmul.small_subgroups", "u % WORKGROUP)", "(u + 1u) % WORKGROUP)"),
    ("last row of the tile left out", "matmul.small_subgroups", "row < min(m, first_row + TILE_M)", "row + WORKGROUP < min(m, first_row + TILE_M)"),
    ("swapped indices", "input_gradient", "w[q * k + u * (k / 4u) + input]", "w[(q + u) * k + input]"),
    ("units past the end", "input_gradient.tiled", "select(vec4f(0.0), loaded, unit < n)", "loaded * 2.0"),
    ("last quad of units left out", "input_gradient.small_subgroups", "step < (n / 4u)", "step + 1u < (n / 4u)"),
    ("replaced in place of added to", "weight_gradient", "if (accumulate) {", "if (!accumulate) {"),
    ("last samples of the ranges left out", "weight_gradient", "(m + splits - 1u) / splits", "m / splits"),
    ("samples not counted", "weight_gradient", "samples_seen[counter]", "samples_seen[counter + 1u]"),
    ("stale partial sums", "weight_gradient_pixels", "dw_partials[place] = part;", "if (split > 0u) { dw_partials[place] = part; }"),
    ("two units in one", "weight_gradient.tiled", "vec4f(d[u])", "vec4f(d[0])"),
    ("last samples of a range left out", "weight_gradient.tiled", "step_row < end; step_row", "step_row + STEP <= end; step_row"),
    ("only the first pixels of a load", "weight_gradient.small_subgroups", "x_quad(loaded_x, v)", "x_quad(loaded_x, 0u)"),
    ("first pixel of each four twice", "x_u8", "return pixels_of(loaded);", "return pixels_of(loaded).xxzw;"),
    ("last range left out", "bias_gradient", "if (split >= splits) { return; }", "if (split + 1u >= splits) { return; }"),
    ("wrong sign", "relu", "z[i] < vec4f(0.0)", "z[i] > vec4f(0.0)"),
    ("derivative 1 at 0", "relu_backward", "> vec4f(0.0)", ">= vec4f(0.0)"),
    ("padding not 0", "sigmoid", "unit < vec4u(units)", "unit < vec4u(units + 1u)"),
    ("plus for minus", "tanh_backward", "1.0 - a[i]", "1.0 + a[i]"),
    ("slope of the cubic term", "gelu_backward", "3.0 * CUBIC", "2.0 * CUBIC"),
    ("the last of equal outputs wins", "softmax_cross_entropy", "value > top", "value >= top"),
    ("smoothing left out of the loss", "softmax_cross_entropy", "if (smoothing > 0.0) { target_sum += share * below; }", ""),
    ("last sample of a tile left out", "partial_metrics", "min((i + 1u) * ROWS, m)", "min((i + 1u) * ROWS - 1u, m)"),
    ("always the first sum", "reduce_metrics", "correct_sum[1] % arrayLength(&loss_sum)", "0u"),
    ("1/m where m is one too many", "reduce_gradient", "f32(samples)", "f32(samples + 1u)"),
    ("a share of the partial sums left out", "reduce_update", "var part = 1u;", "var part = 2u;"),
    ("no weight decay", "reduce_update", "weight_decay * parameters[quad]", "0.0"),
    ("no correction of the first moment", "adam", "m * rate[0].y", "m"),
    ("decay as a gradient", "adamw", "let g = gradients[i];", "let g = gradients[i] + weight_decay * parameters[i];"),
    ("no look ahead", "nesterov", "g + MU * v", "v"),
    ("the batch before", "gather", "steps_done[0] * batch", "(steps_done[0] - 1u) * batch"),
    ("shifted the other way", "gather_shifted", "- down * picture_cols - right", "+ down * picture_cols + right"),
    ("two steps at once", "next_step", "+= 1u", "+= 2u"),
    ("last image left out", "fused_step.small_subgroups", "let end = min((group.x + 1u) * rows, m);", "let end = min((group.x + 1u) * rows, m - 1u);"),
    ("a bias gradient of every class but the last", "fused_step.small_subgroups", "(*head).db2[i] += dz2;", "(*head).db2[i] += select(dz2, 0.0, first_class + i + 1u == CLASSES);"),
    ("the last of equal outputs wins", "fused_gpu", "select(best, c, e[c] > top)", "select(best, c, e[c] >= top)"),
    ("gradients of images past the end", "fused_gpu", "select(p, p - 1.0, c == label), live)", "select(p, p - 1.0, c == label), true)"),
    ("halves not swapped", "fused_step.subgroups", "let given = select(high[j], low[j], upper);", "let given = select(low[j], high[j], upper);"),
    ("another image's sum", "fused_step.workgroup", "sums[first + n][t % 4u]", "sums[first + n][(t + 1u) % 4u]"),
    ("the next element", "copy", "y[i] = x[i];", "y[i] = x[min(i + 1u, arrayLength(&x) - 1u)];"),
    ("shifted pixels", "common", "vec4u(0u, 8u, 16u, 24u)", "vec4u(0u, 8u, 24u, 16u)"),
];

fn main() -> ExitCode {
    let trial = |&(what, file, before, after): &Fault| {
        Trial::test(format!("{file}: {what}"), move || is_found(file, before, after))
    };
    trials::run(FAULTS.iter().map(trial).collect())
}

/// Checks the kernels of a file with the fault in it: one that has it must be wrong.
fn is_found(name: &str, before: &str, after: &str) -> Result<(), Failed> {
    let file = shader_files().find(|file| file.name == name).ok_or("no such file")?;
    if !file.text.contains(before) {
        return Err(format!("`{before}` is not in {name}.wgsl: plant it elsewhere").into());
    }
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join(format!("{name}.wgsl")), file.text.replace(before, after))?;
    let shaders = Shaders::load(Some(folder.path()))?;

    let device = device::device();
    let checker = Checker::new(&device, &shaders, DeviceProfile::every(device.adapter()))?;
    let wanted = sources_named(&[name.to_owned()])?;
    let (mut reasons, mut compared) = (BTreeMap::new(), false);
    // The second depth has the first in it, and takes longer.
    for (depth, entry) in [Depth::Tiny, Depth::Usual]
        .into_iter()
        .flat_map(|depth| REGISTRY.iter().map(move |entry| (depth, entry)))
    {
        for check in checker.kernel(entry, depth, |source| wanted.contains(source.name))? {
            match check.not_checked() {
                Some(why) => drop(reasons.insert(check.source.name, why)),
                None => compared = true,
            }
            match check.outcome {
                Err(CheckError::Wrong { .. }) => return Ok(()),
                Err(error) => return Err(format!("{}: {error}", check.source.name).into()),
                Ok(_) => {}
            }
        }
    }
    if !compared {
        not_run::not_run(&format!("{name}: {reasons:?}"));
        return Ok(());
    }
    Err("check finds nothing".into())
}
