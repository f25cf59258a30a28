//! What a shader's text says of its interface, read by naga: bindings, constants, overrides. It is data: no
//! device and no wgpu type is in it.

use std::collections::BTreeMap;

use serde::Serialize;
use wgpu::naga::{
    self, AddressSpace, Expression, ImageClass, ImageDimension, Literal, ScalarKind, StorageAccess,
    StorageFormat, TypeInner, proc::Layouter,
};

use super::ShaderError;

/// The most texels that WebGPU guarantees in a row of a texture.
pub const MAX_TEXTURE_ROW: usize = 8_192;
/// Texels of the 256 bytes that each row of a copy must be a multiple of.
const ROW_ALIGN: usize = 16;

/// The interface of a file, once its host has appended the sizes that array lengths need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interface {
    /// Where the text came from, for messages.
    pub path: String,
    /// What is bound, in the order of the binding numbers.
    pub bindings: Vec<Binding>,
    /// The constants of the module that are single numbers, evaluated.
    pub constants: BTreeMap<String, f64>,
    /// The names of the `override`s.
    pub overrides: Vec<String>,
    /// Those of them that have no value of their own.
    pub open_overrides: Vec<String>,
}

/// One `var<storage>` of a shader, or a buffer's bytes as a texture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// `f32`
    F32,
    /// `u32`
    U32,
}

impl Interface {
    /// Reads a module, whose constants are known.
    pub(super) fn of(
        path: &str,
        module: &naga::Module,
        constants: BTreeMap<String, f64>,
    ) -> Result<Self, String> {
        Ok(Interface {
            path: path.into(),
            bindings: bindings(module)?,
            constants,
            overrides: override_names(module, |_| true),
            open_overrides: override_names(module, |o| o.init.is_none()),
        })
    }

    /// A constant that the host needs as a whole number, such as the rows of a register tile.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if the text has no such constant, or it is no whole number of at least 1.
    pub fn constant(&self, name: &str) -> Result<usize, ShaderError> {
        match self.constants.get(name) {
            Some(&value) if value >= 1.0 && value.fract() == 0.0 => Ok(value as usize),
            found => Err(self.error(format!(
                "expected `const {name} = ...u;` of at least 1 (the host needs it), found {}",
                found.map_or("none".into(), f64::to_string)
            ))),
        }
    }

    /// A constant that the host computes with as the shader does.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.constants.get(name).copied()
    }

    /// The variable of this name.
    pub fn binding(&self, name: &str) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.name == name)
    }

    /// Texels in a row of the texture that `name` is declared as, by the constant `ROW`; `None` if it is no
    /// texture.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if `ROW` is missing or cannot be the length of a row.
    pub fn texture_row(&self, name: &str) -> Result<Option<usize>, ShaderError> {
        if !self.binding(name).is_some_and(|binding| binding.texture) {
            return Ok(None);
        }
        match self.constant("ROW")? {
            row @ ..=MAX_TEXTURE_ROW if row.is_multiple_of(ROW_ALIGN) => Ok(Some(row)),
            row => Err(self.error(format!(
                "the const ROW, texels in a row of `{name}`, is {row}: expected a multiple of {ROW_ALIGN} of at most {MAX_TEXTURE_ROW}"
            ))),
        }
    }

    /// Something that is wrong with this interface.
    pub fn error(&self, message: String) -> ShaderError {
        ShaderError::Interface { path: self.path.clone(), message }
    }
}

fn override_names(module: &naga::Module, keep: impl Fn(&naga::Override) -> bool) -> Vec<String> {
    let kept = module.overrides.iter().filter(|(_, o)| keep(o));
    kept.filter_map(|(_, o)| o.name.clone()).collect()
}

/// The constants of a module that are single numbers. Those without a type, such as `0.9`, are not among
/// them: naga drops them.
pub(super) fn constants(module: &naga::Module) -> BTreeMap<String, f64> {
    let numbers = module.constants.iter().filter_map(|(_, constant)| {
        let Expression::Literal(literal) = module.global_expressions[constant.init] else { return None };
        Some((constant.name.clone()?, number(literal)?))
    });
    numbers.collect()
}

fn number(literal: Literal) -> Option<f64> {
    match literal {
        Literal::F64(value) => Some(value),
        Literal::F32(value) => Some(value.into()),
        Literal::U32(value) => Some(value.into()),
        Literal::I32(value) => Some(value.into()),
        _ => None,
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
