//! Wide vectors for Mesa's software driver: how many lanes a subgroup has it reads from the environment, and
//! takes 8 at most where nothing is said.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use super::train::usual_plan;
use crate::{
    gpu::{GraphicsApi, Wanted, choose},
    kernels::{Shaders, fused::FusedStep},
    network::{PlanKind, Products, Variants},
    recipe::Recipe,
};

/// Bits of a vector; the name is Mesa's.
const WIDTH: &str = "LP_NATIVE_VECTOR_WIDTH";
/// A setting of the driver for mip maps, which kernels have none of. Its cache of compiled shaders does not
/// tell widths apart, but it does settings: this one keeps what is compiled for other widths away.
const APART: (&str, &str) = ("GALLIVM_PERF", "brilinear");
/// Without Mesa's layer that puts adapters in order: what it complains of, it has said before. Not where
/// somebody asks that layer for another order.
const QUIET: (&str, &str) = ("NODEVICE_SELECT", "1");
const ORDER: [&str; 2] = ["MESA_VK_DEVICE_SELECT", "DRI_PRIME"];
/// The driver that was seen to be faster with them. Mesa 25.0.7 turns each shuffle among 16 lanes into a loop
/// over them, which takes an iteration to 2.2 times as long.
const MESA: &str = "Mesa 22.";
/// Lanes of 512 bits.
const LANES: usize = 16;

/// Starts this program over, in the same process, with vectors of 512 bits asked for, where the processor has
/// them, nobody asks for other ones, the plan is the fused one, and the adapter is that of a driver which gains
/// by them. An iteration takes 0.65 to 0.8 of the time with them, while most kernels of the layerwise plan take
/// longer: they load and store more than they compute, lane by lane. Goes on where it cannot: with 8 lanes all
/// is as right.
pub(super) fn ask_for(
    wanted: &Wanted,
    apis: &[GraphicsApi],
    plan: Option<PlanKind>,
    hidden: &[usize],
    recipe: &Recipe,
    shaders: &Shaders,
) {
    if env::var_os(WIDTH).is_none()
        && has_vectors_of_512_bits()
        && is_fused(plan, hidden, recipe, shaders)
        && choose(wanted, apis).is_ok_and(|found| gains(found.backend(), &found.name(), &found.driver()))
        && let Some(program) = this_program()
    {
        let mut command = Command::new(program);
        command.args(env::args_os().skip(1)).env(WIDTH, "512");
        let in_order =
            !matches!(wanted, Wanted::Index(_)) && ORDER.iter().all(|name| env::var_os(name).is_none());
        for (name, value) in [APART].into_iter().chain(in_order.then_some(QUIET)) {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        start_over(&mut command);
    }
}

/// Whether the driver gains by wide vectors. (Through GL it has no subgroups, and no fused plan.)
fn gains(backend: &str, adapter: &str, driver: &str) -> bool {
    backend == "vulkan" && adapter.starts_with("llvmpipe") && driver.contains(MESA)
}

/// The file of this program, where it is still there and it is what was called, not a loader of programs: a
/// start that fails would leave its marks on this process.
fn this_program() -> Option<PathBuf> {
    let called = env::args_os().next()?;
    let program = env::current_exe().ok()?;
    (program.is_file() && program.file_name() == Path::new(&called).file_name()).then_some(program)
}

/// Whether the plan is the fused one where a software driver has 16 lanes, or is asked for: what it does not
/// serve is then told for the lanes that it would run with.
fn is_fused(plan: Option<PlanKind>, hidden: &[usize], recipe: &Recipe, shaders: &Shaders) -> bool {
    let fused_step = Some(FusedStep::SmallSubgroups(LANES));
    let wide = Variants { fused_step, products: Products::EightLanes, ..Variants::default() };
    plan == Some(PlanKind::Fused)
        || usual_plan(plan, hidden, recipe, wide, shaders).is_some_and(|(_, kind)| kind == PlanKind::Fused)
}

#[cfg(target_arch = "x86_64")]
fn has_vectors_of_512_bits() -> bool {
    // What the driver's compiler needs for integers and masks, too.
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_vectors_of_512_bits() -> bool {
    false
}

/// Returns only where it fails.
#[cfg(unix)]
fn start_over(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    if let Some(name) = env::args_os().next() {
        command.arg0(name);
    }
    let _: std::io::Error = command.exec();
}

/// Other systems cannot.
#[cfg(not(unix))]
fn start_over(_: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_driver_that_was_seen_to_gain_gets_wide_vectors() {
        let (name, driver) = ("llvmpipe (LLVM 15.0.6, 256 bits)", "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)");
        assert!(gains("vulkan", name, driver));
        assert!(!gains("vulkan", name, "llvmpipe Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)"));
        assert!(!gains("gl", name, "4.5 (Core Profile) Mesa 22.3.6"));
        assert!(!gains("vulkan", "AMD Radeon RX 6600 (RADV NAVI23)", "radv Mesa 22.3.6"));
    }
}
