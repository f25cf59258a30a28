//! The values of flags. What can be wrong with a value alone is told here, before anything runs.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::{
    network::{Init, MAX_HIDDEN_LAYERS, MAX_WIDTH, PlanKind},
    recipe::{Activation, Decay, Optimizer},
};

/// Units of the hidden layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden(pub Vec<usize>);

/// `--plan`: none for auto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanArg(pub Option<PlanKind>);

/// `--device`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceArg {
    /// Any adapter, a software one included, but not the CPU engine.
    Gpu,
    /// The CPU engine.
    Cpu,
    /// The adapter of this number in `shadegrad devices`.
    Index(usize),
    /// The best adapter with this in its name.
    Name(String),
}

/// `--init`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitArg {
    /// Drawn from the seed.
    Drawn(Init),
    /// Read from a model file.
    File(PathBuf),
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 0".to_owned())
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    number(text)
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match number(text) {
        Ok(value) if value >= 1 => Ok(value),
        _ => Err("expected a whole number of at least 1".into()),
    }
}

/// `--batch`: none for full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchArg(pub Option<usize>);

/// `--schedule`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecayArg(pub Decay);

/// `--augment`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Augment {
    /// By up to 2 pixels in each direction, what comes in is black
    Shift,
}

pub(super) fn batch(text: &str) -> Result<BatchArg, String> {
    match text {
        "full" => Ok(BatchArg(None)),
        _ => match number(text) {
            Ok(batch) if batch >= 1 => Ok(BatchArg(Some(batch))),
            _ => Err("expected full, or a whole number of at least 1".into()),
        },
    }
}

pub(super) fn activation(text: &str) -> Result<Activation, String> {
    named(text, &Activation::ALL, Activation::name)
}

pub(super) fn optimizer(text: &str) -> Result<Optimizer, String> {
    named(text, &Optimizer::ALL, Optimizer::name)
}

/// The one of `all` with this name.
fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let names: Vec<_> = all.iter().map(|&one| name(one)).collect();
    let found = all.iter().find(|&&one| name(one) == text).copied();
    found.ok_or_else(|| format!("expected {}", names.join(", ")))
}

pub(super) fn schedule(text: &str) -> Result<DecayArg, String> {
    let expected = || {
        "expected constant, cosine, or step:N:F with iterations N of at least 1 and a factor F above 0 up to 1, such as step:1000:0.5".to_owned()
    };
    let decay = match text.split(':').collect::<Vec<_>>()[..] {
        ["constant"] => Decay::Constant,
        ["cosine"] => Decay::Cosine,
        ["step", every, factor] => match (at_least_one(every), factor.parse::<f64>()) {
            (Ok(every), Ok(factor)) if factor > 0.0 && factor <= 1.0 => Decay::Step { every, factor },
            _ => return Err(expected()),
        },
        _ => return Err(expected()),
    };
    Ok(DecayArg(decay))
}

pub(super) fn weight_decay(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 0.0 && value <= f64::from(f32::MAX) => Ok(value),
        _ => Err(format!("expected a weight decay from 0 to {:e}", f32::MAX)),
    }
}

pub(super) fn smoothing(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&(value as f32)) => Ok(value),
        _ => Err("expected a probability from 0 to below 1".into()),
    }
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1.0 => {
            Err(format!("expected a percentage: did you mean {}?", value * 100.0))
        }
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("expected a percentage from 0 to 100, such as 97.5".into()),
    }
}

/// A learning rate must be a number that f32 holds, as the kernels compute in it.
pub(super) fn alpha(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value as f32 == 0.0 => Err(format!(
            "expected a learning rate that f32 can tell from 0: at least {:e}",
            f32::MIN_POSITIVE
        )),
        Ok(value) if value >= 0.0 && value <= f64::from(f32::MAX) => Ok(value),
        _ => Err(format!("expected a learning rate from 0 to {:e}", f32::MAX)),
    }
}

pub(super) fn hidden(text: &str) -> Result<Hidden, String> {
    let width = |part: &str| match part.trim().parse() {
        Ok(width) if (1..=MAX_WIDTH).contains(&width) => Ok(width),
        _ => Err(format!("expected 1 to {MAX_WIDTH} units a layer, such as 10 or 128,64; found `{part}`")),
    };
    let widths = text.split(',').map(width).collect::<Result<Vec<_>, _>>()?;
    match widths.len() {
        1..=MAX_HIDDEN_LAYERS => Ok(Hidden(widths)),
        layers => Err(format!("expected 1 to {MAX_HIDDEN_LAYERS} hidden layers, found {layers}")),
    }
}

pub(super) fn device(text: &str) -> Result<DeviceArg, String> {
    match text.trim() {
        "" => Err("expected gpu, cpu, a number of `shadegrad devices` or a part of a name".into()),
        name if name.eq_ignore_ascii_case("gpu") => Ok(DeviceArg::Gpu),
        name if name.eq_ignore_ascii_case("cpu") => Ok(DeviceArg::Cpu),
        name => Ok(name.parse().map_or_else(|_| DeviceArg::Name(name.into()), DeviceArg::Index)),
    }
}

pub(super) fn plan(text: &str) -> Result<PlanArg, String> {
    match text {
        "auto" => Ok(PlanArg(None)),
        "fused" => Ok(PlanArg(Some(PlanKind::Fused))),
        "layerwise" => Ok(PlanArg(Some(PlanKind::Layerwise))),
        _ => Err("expected auto, fused or layerwise".into()),
    }
}

pub(super) fn init(text: &str) -> Result<InitArg, String> {
    match text {
        "uniform" => Ok(InitArg::Drawn(Init::Uniform)),
        "he" => Ok(InitArg::Drawn(Init::He)),
        "xavier" => Ok(InitArg::Drawn(Init::Xavier)),
        file if std::path::Path::new(file).exists() => Ok(InitArg::File(file.into())),
        _ => Err("expected uniform, he, xavier or an existing model file".into()),
    }
}

impl std::fmt::Display for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<_> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&widths.join(","))
    }
}

impl std::fmt::Display for BatchArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(batch) => write!(f, "{batch}"),
            None => f.write_str("full"),
        }
    }
}

impl std::fmt::Display for DecayArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Decay::Constant => f.write_str("constant"),
            Decay::Cosine => f.write_str("cosine"),
            Decay::Step { every, factor } => write!(f, "step:{every}:{factor}"),
        }
    }
}

impl std::fmt::Display for PlanArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.map_or("auto", PlanKind::name))
    }
}

impl std::fmt::Display for DeviceArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DeviceArg::Gpu => f.write_str("gpu"),
            DeviceArg::Cpu => f.write_str("cpu"),
            DeviceArg::Index(index) => write!(f, "{index}"),
            DeviceArg::Name(name) => f.write_str(name),
        }
    }
}

impl std::fmt::Display for InitArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InitArg::Drawn(Init::Uniform) => f.write_str("uniform"),
            InitArg::Drawn(Init::He) => f.write_str("he"),
            InitArg::Drawn(Init::Xavier) => f.write_str("xavier"),
            InitArg::File(path) => path.display().fmt(f),
        }
    }
}
