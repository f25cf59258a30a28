//! A shader's text and what naga reads from it: bindings, constants, workgroup size.

use std::collections::BTreeMap;

use wgpu::naga::{
    self, AddressSpace, ImageClass, ImageDimension, ScalarKind, ShaderStage, StorageAccess, StorageFormat,
    TypeInner,
    back::pipeline_constants::process_overrides,
    proc::Layouter,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

use super::{ShaderError, unroll};

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A validated shader and its interface, read from the WGSL so that it is written only there.
pub struct Shader {
    /// Where the text came from, for messages.
    pub path: String,
    /// What the driver gets: the source with its marked loops written out, the sizes, the common part.
    pub text: String,
    /// What is bound, in the order of the binding numbers.
    pub bindings: Vec<Binding>,
    /// The `const NAME = 8u;` lines, and the sizes from the host.
    pub constants: BTreeMap<String, u32>,
    /// The names of the `override`s.
    pub overrides: Vec<String>,
    /// Those of them that have no value of their own.
    pub open_overrides: Vec<String>,
    /// Whether workgroup memory starts as zeros, as WGSL promises. Without a driver's extension for it one
    /// invocation of each workgroup writes them all.
    pub zeroed: bool,
    /// What the text says; handed on as it is, so that a long text is parsed once.
    pub(super) module: naga::Module,
    info: ModuleInfo,
}

/// One `var<storage>` of a shader, or a buffer's bytes as a texture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its name says which buffer it gets.
    pub name: String,
    /// `@binding(index)`.
    pub index: u32,
    /// Whether the shader may write to it.
    pub writable: bool,
    /// The kind of number in it, where there is only one.
    pub element: Option<Element>,
    /// Bytes of an array element, or of the whole where it is no array; of a texture, those of a texel.
    pub stride: u64,
    /// Whether it is declared as `texture_storage_2d<rgba32uint, read>`: see [`super::Texture`].
    pub texture: bool,
}

/// The only type of texture that a shader may bind.
pub const TEXTURE: &str = "texture_storage_2d<rgba32uint, read>";

/// The kind of number in a buffer; all are 4 bytes wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `f32`
    F32,
    /// `u32`
    U32,
}

/// Said of an error in what the host appends.
const BEHIND: &str =
    "this is behind the end of the file, in the common part that is appended: is a `}` missing before?";

/// An error behind the end of a kernel's file as one of the common part from `path`, where that is wrong
/// by itself; any other error as it is.
pub fn in_common(error: ShaderError, path: &str, text: &str) -> ShaderError {
    let behind = matches!(&error, ShaderError::Invalid { message, .. } if message.ends_with(BEHIND));
    match naga::front::wgsl::parse_str(text) {
        Err(found) if behind => {
            let message = found.emit_to_string_with_path(text, path);
            ShaderError::Invalid { path: path.into(), message }
        }
        _ => error,
    }
}

impl Shader {
    /// Expands, parses and validates `source`. The `sizes`, which array lengths may need, become
    /// `const` lines; they and `common` are appended, so that lines hold.
    ///
    /// # Errors
    /// [`ShaderError`] with naga's message, its line and caret, or the part of the interface that
    /// no kernel may have.
    pub fn new(
        path: &str,
        source: &str,
        sizes: &[(&'static str, u32)],
        common: &str,
    ) -> Result<Self, ShaderError> {
        let invalid = |message: String| ShaderError::Invalid { path: path.into(), message };
        let mut constants = unroll::constants(source);
        constants.extend(sizes.iter().map(|&(name, value)| (name.to_owned(), value)));
        let expanded = unroll::unroll(source, &constants)
            .map_err(|error| invalid(format!("{path}:{}: {}", error.line, error.message)))?;
        let lines: String = sizes.iter().map(|(name, value)| format!("const {name} = {value}u;\n")).collect();
        let text = format!("{}\n{lines}{common}", expanded.trim_end());
        let module = naga::front::wgsl::parse_str(&text).map_err(|error| {
            let line = error.location(&text).map_or(0, |location| location.line_number as usize);
            let behind = line > expanded.trim_end().lines().count();
            let hint = if behind { BEHIND } else { "" };
            invalid(error.emit_to_string_with_path(&text, path) + hint)
        })?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::default() | Capabilities::SUBGROUP)
            .validate(&module)
            .map_err(|error| invalid(error.emit_to_string_with_path(&text, path)))?;
        let interface = |message: String| ShaderError::Interface { path: path.into(), message };
        check_entry_point(&module).map_err(interface)?;
        Ok(Shader {
            path: path.into(),
            bindings: bindings(&module).map_err(interface)?,
            constants,
            overrides: override_names(&module, |_| true),
            open_overrides: override_names(&module, |o| o.init.is_none()),
            zeroed: true,
            text,
            module,
            info,
        })
    }

    /// A `const` of the source that the host needs, such as the rows of a register tile.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] where the source has no such line or it is 0.
    pub fn constant(&self, name: &str) -> Result<usize, ShaderError> {
        match self.constants.get(name) {
            Some(&value) if value > 0 => Ok(value as usize),
            found => Err(ShaderError::Interface {
                path: self.path.clone(),
                message: format!(
                    "expected a line `const {name} = ...u;` of at least 1 (the host needs it), found {}",
                    found.map_or("none".into(), u32::to_string)
                ),
            }),
        }
    }

    /// The value of a line `const NAME = 0.9;`, which the host computes with as the shader does.
    pub fn number(&self, name: &str) -> Option<f64> {
        let (_, value) = unroll::definitions(&self.text).find(|(defined, _)| *defined == name)?;
        value.trim_end_matches(['f', 'u', 'i']).parse().ok()
    }

    /// Workgroup size and bytes of workgroup memory once the overrides have their values.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] where an override has no value or a wrong one.
    pub fn workgroup(&self, overrides: &[(String, f64)]) -> Result<Workgroup, ShaderError> {
        let values: naga::back::PipelineConstants = overrides.iter().cloned().collect();
        let entry = Some((ShaderStage::Compute, ENTRY_POINT));
        let (module, _) = process_overrides(&self.module, &self.info, entry, &values).map_err(|error| {
            ShaderError::Interface { path: self.path.clone(), message: super::error::chain(&error) }
        })?;
        let mut layouter = Layouter::default();
        let memory = match layouter.update(module.to_ctx()) {
            Ok(()) => module
                .global_variables
                .iter()
                .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
                .map(|(_, variable)| u64::from(layouter[variable.ty].size))
                .sum(),
            Err(error) => {
                return Err(ShaderError::Interface { path: self.path.clone(), message: error.to_string() });
            }
        };
        let size = module.entry_points.first().map_or([1; 3], |entry| entry.workgroup_size);
        self.check_workgroup(size)?;
        Ok(Workgroup { size, memory })
    }
}

impl Shader {
    /// `flat_index` counts along x, in workgroups of `WORKGROUP`: another shape would leave
    /// elements out, in silence.
    fn check_workgroup(&self, size: [u32; 3]) -> Result<(), ShaderError> {
        let width = self.constants.get("WORKGROUP").copied().unwrap_or(size[0]);
        if size[1..] == [1, 1] && size[0] == width {
            return Ok(());
        }
        let message = format!(
            "expected @workgroup_size({width}), as long as the const WORKGROUP and along x only, found {size:?}"
        );
        Err(ShaderError::Interface { path: self.path.clone(), message })
    }
}

/// What one workgroup takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workgroup {
    /// Invocations along x, y, z.
    pub size: [u32; 3],
    /// Bytes of `var<workgroup>`.
    pub memory: u64,
}

impl Workgroup {
    /// Invocations in all.
    pub fn invocations(&self) -> u64 {
        self.size.iter().map(|&side| u64::from(side)).product()
    }
}

fn override_names(module: &naga::Module, keep: impl Fn(&naga::Override) -> bool) -> Vec<String> {
    let kept = module.overrides.iter().filter(|(_, o)| keep(o));
    kept.filter_map(|(_, o)| o.name.clone()).collect()
}

fn check_entry_point(module: &naga::Module) -> Result<(), String> {
    match &module.entry_points[..] {
        [entry] if entry.stage == ShaderStage::Compute && entry.name == ENTRY_POINT => Ok(()),
        entries => Err(format!(
            "expected one entry point `@compute fn {ENTRY_POINT}`, found {}",
            match entries {
                [] => "none".into(),
                _ => entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>().join(", "),
            }
        )),
    }
}

fn bindings(module: &naga::Module) -> Result<Vec<Binding>, String> {
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).map_err(|error| error.to_string())?;
    let mut bindings = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(slot) = variable.binding else { continue };
        let name = variable.name.clone().unwrap_or_default();
        if slot.group != 0 {
            return Err(format!("`{name}`: expected @group(0), found @group({})", slot.group));
        }
        let kind = &module.types[variable.ty].inner;
        let (writable, stride) = match variable.space {
            AddressSpace::Storage { access } => {
                let stride = match kind {
                    TypeInner::Array { stride, .. } => *stride,
                    _ => layouter[variable.ty].size,
                };
                (access.contains(StorageAccess::STORE), stride)
            }
            AddressSpace::Handle if is_texture(kind) => (false, 16),
            AddressSpace::Handle => {
                return Err(format!("`{name}`: the only texture that can be bound is {TEXTURE}"));
            }
            other => return Err(format!("`{name}`: only var<storage> can be bound, found {other:?}")),
        };
        bindings.push(Binding {
            name,
            index: slot.binding,
            writable,
            element: element(module, variable.ty),
            stride: u64::from(stride),
            texture: variable.space == AddressSpace::Handle,
        });
    }
    bindings.sort_by_key(|binding| binding.index);
    match bindings.windows(2).find(|pair| pair[0].index == pair[1].index) {
        Some(pair) => {
            Err(format!("`{}` and `{}` both have @binding({})", pair[0].name, pair[1].name, pair[0].index))
        }
        None => Ok(bindings),
    }
}

/// Whether a type is [`TEXTURE`].
fn is_texture(kind: &TypeInner) -> bool {
    let TypeInner::Image { dim, arrayed: false, class } = *kind else { return false };
    let expected = ImageClass::Storage { format: StorageFormat::Rgba32Uint, access: StorageAccess::LOAD };
    dim == ImageDimension::D2 && class == expected
}

/// The kind of number that a type is made of; none for structures and other widths.
fn element(module: &naga::Module, ty: naga::Handle<naga::Type>) -> Option<Element> {
    let scalar = match module.types[ty].inner {
        TypeInner::Array { base, .. } => return element(module, base),
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => scalar,
        TypeInner::Vector { scalar, .. } | TypeInner::Matrix { scalar, .. } => scalar,
        TypeInner::Image { class: ImageClass::Storage { format, .. }, .. } => format.into(),
        _ => return None,
    };
    match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => Some(Element::F32),
        (ScalarKind::Uint, 4) => Some(Element::U32),
        _ => None,
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Element::F32 => "f32",
            Element::U32 => "u32",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_type_of_texture_can_be_bound() {
        let found = |texture: &str| {
            let source = format!(
                "@group(0) @binding(3) var pixels: {texture};\n@compute @workgroup_size(1)\nfn main() {{}}\n"
            );
            Shader::new("texture.wgsl", &source, &[], "").map(|shader| shader.bindings)
        };
        let expected = Binding {
            name: "pixels".into(),
            index: 3,
            writable: false,
            element: Some(Element::U32),
            stride: 16,
            texture: true,
        };
        assert_eq!(found(TEXTURE).unwrap(), [expected]);
        for other in ["texture_2d<u32>", "texture_storage_2d<rgba32uint, write>", "sampler"] {
            let Err(error) = found(other) else { panic!("{other} passes") };
            assert!(error.to_string().contains(TEXTURE), "{error}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_const_lines() {
        let source = "const BETA = 0.9;  // what is left\nconst EPS: f32 = 1e-8f;\nconst ROWS = 4u;\n\
            const HALF = BETA / 2.0;\n@compute @workgroup_size(1)\nfn main() { const INNER = 3.0; }\n";
        let shader = Shader::new("numbers.wgsl", source, &[("SIZE", 7)], "const LAST = -2.5;").unwrap();
        for (name, expected) in [
            ("BETA", Some(0.9)),
            ("EPS", Some(1e-8)),
            ("ROWS", Some(4.0)),
            ("SIZE", Some(7.0)),
            ("LAST", Some(-2.5)),
            ("HALF", None),
            ("BET", None),
        ] {
            assert_eq!(shader.number(name), expected, "{name}");
        }
    }
}
