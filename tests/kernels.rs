//! Every registered kernel against its CPU twin, on the adapter of this machine: a test for each entry of the
//! registry. Without an adapter they fail and say what to install.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use shadegrad::{
    gpu::{Adapter, Device, Needs, Wanted, choose},
    kernels::{DeviceProfile, Entry, REGISTRY, Random, Shaders, Sizes, Source, check},
};

fn main() -> ExitCode {
    let tests = REGISTRY.iter().map(|entry| Trial::test(entry.name, || every_source(entry)));
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}

/// Checks every source of a kernel, at every shape and in every way that this adapter can run it, and
/// reports what it cannot.
fn every_source(entry: &'static Entry) -> Result<(), Failed> {
    let adapter = choose(&Wanted::Best, &[])?;
    let needs = Needs { binding: 64 << 20, buffer: 64 << 20, ..Needs::default() };
    let (device, shaders) = (Device::open(&adapter, &needs)?, Shaders::load(None)?);
    let shapes = (entry.shapes)();
    if shapes.len() < 12 {
        return Err(format!("{} has only {} shapes", entry.name, shapes.len()).into());
    }
    let mut checked = Vec::new();
    for (seed, shape) in shapes.iter().enumerate() {
        let ways = ways(entry, &adapter, shape);
        if ways.is_empty() {
            println!(
                "not checked on {adapter}: {} at {shape:?}, which no source of it serves here",
                entry.name
            );
        }
        for (source, sizes) in ways {
            one(&device, &shaders, entry, source, sizes, seed as u64)?;
            checked.push(source.name);
        }
    }
    for source in entry.sources.iter().filter(|source| !checked.contains(&source.name)) {
        println!("not checked on {adapter}: {}, which does not run here", source.name);
    }
    if checked.is_empty() {
        Err(format!("no source of {} runs on {adapter}", entry.name).into())
    } else {
        Ok(())
    }
}

/// The sources that run at a shape on this adapter, with their sizes; each once.
fn ways(entry: &'static Entry, adapter: &Adapter, shape: &Sizes) -> Vec<(&'static Source, Sizes)> {
    let mut ways: Vec<(&'static Source, Sizes)> = Vec::new();
    for profile in DeviceProfile::every(adapter) {
        for source in entry.sources {
            if let Some(sizes) = (source.runs_on)(&profile, shape)
                && !ways.iter().any(|(known, at)| known.name == source.name && *at == sizes)
            {
                ways.push((source, sizes));
            }
        }
    }
    ways
}

/// Checks a source at some sizes; without the dispatch the check must fail.
fn one(
    device: &Device,
    shaders: &Shaders,
    entry: &Entry,
    source: &Source,
    sizes: Sizes,
    seed: u64,
) -> Result<(), Failed> {
    let case = (entry.case)(sizes, &mut Random::new(seed));
    let shader = shaders.get(source.name, &sizes)?;
    let what = format!("{} at {sizes:?}", source.name);
    check(device, entry, &shader, &case, true).map_err(|error| format!("{what}: {error}"))?;
    match check(device, entry, &shader, &case, false) {
        Ok(()) => Err(format!("{what}: passes without the dispatch").into()),
        Err(_) => Ok(()),
    }
}
