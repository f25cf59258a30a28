//! The values of flags. What can be wrong with a value alone is reported here, before anything runs.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{
    ValueEnum,
    builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser},
};
use serde::{Serialize, Serializer};

use super::Error;
use crate::{
    data::Transpose,
    gpu::{GraphicsApi, Wanted},
    kernels::{REGISTRY, sources_named},
    net::{Init, MAX_HIDDEN_LAYERS, MAX_WIDTH},
    plan::PlanKind,
    session::adapter_of_environment,
};

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

/// `--augment`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Augment {
    /// By up to 2 pixels in each direction, what comes in is black
    Shift,
}

/// `--transpose`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransposeArg {
    /// Rows and columns of every image are swapped
    Yes,
    /// No image is changed, not even EMNIST's
    No,
}

impl From<Option<TransposeArg>> for Transpose {
    fn from(arg: Option<TransposeArg>) -> Self {
        match arg {
            None => Transpose::ByName,
            Some(TransposeArg::Yes) => Transpose::Yes,
            Some(TransposeArg::No) => Transpose::No,
        }
    }
}

impl DeviceArg {
    /// What is asked of the adapters; `None` for the CPU engine.
    pub fn wanted(&self) -> Option<Wanted> {
        match self {
            DeviceArg::Cpu => None,
            DeviceArg::Gpu => Some(Wanted::Best),
            DeviceArg::Index(index) => Some(Wanted::Index(*index)),
            DeviceArg::Name(name) => Some(Wanted::Name(name.clone())),
        }
    }
}

/// The adapter that is looked for if no flag says which.
pub(super) fn default_adapter() -> Wanted {
    adapter_of_environment().unwrap_or(Wanted::Best)
}

/// The adapter that a command asks for which runs shaders only.
pub(super) fn gpu(command: &str, device: Option<&DeviceArg>) -> Result<Wanted, Error> {
    match device {
        Some(DeviceArg::Cpu) => Err(Error::Usage(format!(
            "--device cpu: {command} runs shaders, and the CPU engine runs none: expected gpu or an adapter"
        ))),
        device => Ok(device.and_then(DeviceArg::wanted).unwrap_or_else(default_adapter)),
    }
}

/// The sources that a flag's names mean.
pub(super) fn kernels(flag: &str, names: &[String]) -> Result<BTreeSet<&'static str>, Error> {
    sources_named(names).map_err(|name| {
        let known: Vec<_> = REGISTRY.iter().map(|entry| entry.name).collect();
        Error::Usage(format!(
            "{flag} {name}: expected a kernel, one of its texts or a file of shaders; the kernels are {}",
            known.join(", ")
        ))
    })
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("expected a whole number from 0 to {}", u64::MAX))
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "expected a whole number of at least 0".to_owned())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(value) if value >= 1 => Ok(value),
        _ => Err("expected a whole number of at least 1".into()),
    }
}

/// `None` for full.
pub(super) fn batch(text: &str) -> Result<Option<usize>, String> {
    match text {
        "full" => Ok(None),
        _ => at_least_one(text).map(Some).map_err(|error| error.replace("expected", "expected full, or")),
    }
}

/// `None` for auto.
pub(super) fn plan(text: &str) -> Result<Option<PlanKind>, String> {
    match text {
        "auto" => Ok(None),
        _ => PlanKind::from_str(text).map(Some).map_err(|error| error.replace("expected", "expected auto,")),
    }
}

/// A value that is known by one of these names.
pub(super) fn one_of<T, const N: usize>(names: [&'static str; N]) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| T::from_str(&name))
}

pub(super) fn graphics_api() -> impl TypedValueParser<Value = GraphicsApi> {
    let parser = PossibleValuesParser::new(GraphicsApi::ALL.map(GraphicsApi::name));
    parser.try_map(|name| GraphicsApi::named(&name).ok_or("expected a graphics API"))
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

pub(super) fn hidden(text: &str) -> Result<Vec<usize>, String> {
    let width = |part: &str| match part.trim().parse() {
        Ok(width) if (1..=MAX_WIDTH).contains(&width) => Ok(width),
        _ => Err(format!("expected 1 to {MAX_WIDTH} units a layer, such as 10 or 128,64; found `{part}`")),
    };
    let widths = text.split(',').map(width).collect::<Result<Vec<_>, _>>()?;
    match widths.len() {
        1..=MAX_HIDDEN_LAYERS => Ok(widths),
        layers => Err(format!("expected 1 to {MAX_HIDDEN_LAYERS} hidden layers, found {layers}")),
    }
}

impl FromStr for DeviceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("expected gpu, cpu, a number of `shadegrad devices` or a part of a name".into()),
            name if name.eq_ignore_ascii_case("gpu") => Ok(DeviceArg::Gpu),
            name if name.eq_ignore_ascii_case("cpu") => Ok(DeviceArg::Cpu),
            name => Ok(name.parse().map_or_else(|_| DeviceArg::Name(name.into()), DeviceArg::Index)),
        }
    }
}

/// A name of a drawn start, or a file, whose name need not be UTF-8.
pub(super) fn init() -> impl TypedValueParser<Value = InitArg> {
    OsStringValueParser::new().try_map(|text: OsString| match text.to_str() {
        Some("uniform") => Ok(InitArg::Drawn(Init::Uniform)),
        Some("he") => Ok(InitArg::Drawn(Init::He)),
        Some("xavier") => Ok(InitArg::Drawn(Init::Xavier)),
        _ if Path::new(&text).exists() => Ok(InitArg::File(text.into())),
        _ => Err("expected uniform, he, xavier or an existing model file"),
    })
}

impl fmt::Display for DeviceArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceArg::Gpu => f.write_str("gpu"),
            DeviceArg::Cpu => f.write_str("cpu"),
            DeviceArg::Index(index) => write!(f, "{index}"),
            DeviceArg::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for InitArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitArg::Drawn(Init::Uniform) => f.write_str("uniform"),
            InitArg::Drawn(Init::He) => f.write_str("he"),
            InitArg::Drawn(Init::Xavier) => f.write_str("xavier"),
            InitArg::File(path) => path.display().fmt(f),
        }
    }
}

impl Serialize for DeviceArg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for InitArg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// JSON is UTF-8 and a name need not be: what is not is shown as U+FFFD.
pub(super) fn as_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

pub(super) fn as_optional_path<S: Serializer>(
    path: &Option<PathBuf>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.display().to_string()).serialize(serializer)
}

pub(super) fn as_batch<S: Serializer>(batch: &Option<usize>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&batch.map_or("full".into(), |batch| batch.to_string()))
}

pub(super) fn as_plan<S: Serializer>(plan: &Option<PlanKind>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(plan.map_or("auto", PlanKind::name))
}

pub(super) fn as_hidden<S: Serializer>(hidden: &[usize], serializer: S) -> Result<S::Ok, S::Error> {
    let widths: Vec<_> = hidden.iter().map(usize::to_string).collect();
    serializer.serialize_str(&widths.join(","))
}

pub(super) fn as_api<S: Serializer>(api: &Option<GraphicsApi>, serializer: S) -> Result<S::Ok, S::Error> {
    api.map(GraphicsApi::name).serialize(serializer)
}
