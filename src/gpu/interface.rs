//! What the host reads from a shader: its bindings, constants and overrides. Plain data, no GPU in it.

use std::collections::BTreeMap;

use wgpu::naga::{
    self, AddressSpace, ArraySize, ImageClass, ImageDimension, ScalarKind, StorageAccess, StorageFormat,
    TypeInner, proc::Layouter,
};

use super::{ShaderError, layout::layouts};

/// The most texels that WebGPU guarantees in a row of a texture.
pub const MAX_TEXTURE_ROW: usize = 8_192;
/// Texels of the 256 bytes that each row of a copy must be a multiple of.
const ROW_ALIGN: usize = 16;

/// The interface of a shader, read from the WGSL so that it is written only there.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Interface {
    /// Where the text came from, for messages.
    pub path: String,
    /// What is bound, in the order of the binding numbers.
    pub bindings: Vec<Binding>,
    /// Every module-scope `const` that is a number, and the sizes from the host.
    pub constants: BTreeMap<String, f64>,
    /// The names of the `override`s.
    pub overrides: Vec<String>,
    /// Those of them that have no value of their own.
    pub open_overrides: Vec<String>,
}

/// One `var<storage>` of a shader, or a buffer's bytes as a texture.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Binding {
    /// Its name says which buffer it gets.
    pub name: String,
    /// `@binding(index)`.
    pub index: u32,
    /// Whether the shader may write to it.
    pub writable: bool,
    /// The kind of number in it, if there is only one kind.
    pub element: Option<Element>,
    /// Bytes of an array element, or of the whole if it is no array; of a texture, those of a texel.
    pub stride: u64,
    /// Bytes of numbers in each of these; fewer than `stride` if there is padding.
    #[serde(skip)]
    pub numbers: u64,
    /// File and line of its declaration.
    #[serde(skip)]
    pub place: String,
    /// Whether it is declared as `texture_storage_2d<rgba32uint, read>`: see [`super::Texture`].
    pub texture: bool,
}

/// The only type of texture that a shader may bind.
pub const TEXTURE: &str = "texture_storage_2d<rgba32uint, read>";

/// The kind of number in a buffer; the host has those of 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// `f32`
    F32,
    /// `u32`
    U32,
    /// `i32`; no buffer of the host has it.
    I32,
    /// `f16`; no buffer of the host has it.
    F16,
}

impl Interface {
    /// A whole number that the host needs, such as the rows of a register tile.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if the shader has no such `const` or it is not a whole number from 1.
    pub fn constant(&self, name: &str) -> Result<usize, ShaderError> {
        match self.number(name) {
            Some(value) if value >= 1.0 && value.fract() == 0.0 => Ok(value as usize),
            found => Err(ShaderError::Interface {
                path: self.path.clone(),
                message: format!(
                    "expected `const {name}`, a whole number of at least 1 (the host needs it), found {}",
                    found.map_or("none".into(), |value| value.to_string())
                ),
            }),
        }
    }

    /// The value of a module-scope `const`; `None` if there is no such number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.constants.get(name).copied()
    }

    /// The binding of this name.
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

    /// Reads a validated module; `place` gives file and line.
    ///
    /// # Errors
    /// [`ShaderError::Text`] if it binds what no kernel may bind.
    pub(super) fn of(
        path: &str,
        module: &naga::Module,
        constants: BTreeMap<String, f64>,
        place: impl Fn(naga::Span) -> String,
    ) -> Result<Self, ShaderError> {
        Ok(Interface {
            path: path.into(),
            bindings: bindings(module, place)?,
            constants,
            overrides: override_names(module, |_| true),
            open_overrides: override_names(module, |o| o.init.is_none()),
        })
    }
}

fn override_names(module: &naga::Module, keep: impl Fn(&naga::Override) -> bool) -> Vec<String> {
    let kept = module.overrides.iter().filter(|(_, o)| keep(o));
    kept.filter_map(|(_, o)| o.name.clone()).collect()
}

fn bindings(
    module: &naga::Module,
    place: impl Fn(naga::Span) -> String,
) -> Result<Vec<Binding>, ShaderError> {
    let error = |path: String, message: String| ShaderError::Text { path, message };
    let layouter = layouts(module).map_err(|message| error(place(naga::Span::default()), message))?;
    let bound = module.global_variables.iter().filter_map(|(handle, variable)| {
        Some((place(module.global_variables.get_span(handle)), variable, variable.binding?))
    });
    let found: Result<Vec<_>, ShaderError> = bound
        .map(|(place, variable, slot)| {
            let found = binding(module, &layouter, variable, slot).map_err(|m| error(place.clone(), m))?;
            Ok(Binding { place, ..found })
        })
        .collect();
    let mut bindings = found?;
    bindings.sort_by_key(|binding| binding.index);
    match bindings.windows(2).find(|pair| pair[0].index == pair[1].index) {
        Some(pair) => Err(error(
            pair[1].place.clone(),
            format!("`{}` and `{}` both have @binding({})", pair[0].name, pair[1].name, pair[0].index),
        )),
        None => Ok(bindings),
    }
}

fn binding(
    module: &naga::Module,
    layouter: &Layouter,
    variable: &naga::GlobalVariable,
    slot: naga::ResourceBinding,
) -> Result<Binding, String> {
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
    let element = element(module, variable.ty);
    let texture = variable.space == AddressSpace::Handle;
    let array_element = match *kind {
        TypeInner::Array { base, .. } => base,
        _ => variable.ty,
    };
    let numbers = if texture { 16 } else { numbers(module, array_element) };
    let (stride, place) = (u64::from(stride), String::new());
    Ok(Binding { name, index: slot.binding, writable, element, stride, numbers, texture, place })
}

/// Whether a type is [`TEXTURE`].
fn is_texture(kind: &TypeInner) -> bool {
    let TypeInner::Image { dim, arrayed: false, class } = *kind else { return false };
    let expected = ImageClass::Storage { format: StorageFormat::Rgba32Uint, access: StorageAccess::LOAD };
    dim == ImageDimension::D2 && class == expected
}

/// The kind of number that a type is made of; `None` for structures and other widths.
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
        (ScalarKind::Sint, 4) => Some(Element::I32),
        (ScalarKind::Float, 2) => Some(Element::F16),
        _ => None,
    }
}

/// Bytes of a type without padding.
fn numbers(module: &naga::Module, ty: naga::Handle<naga::Type>) -> u64 {
    match module.types[ty].inner {
        TypeInner::Scalar(scalar) | TypeInner::Atomic(scalar) => u64::from(scalar.width),
        TypeInner::Vector { size, scalar } => size as u64 * u64::from(scalar.width),
        TypeInner::Matrix { columns, rows, scalar } => columns as u64 * rows as u64 * u64::from(scalar.width),
        TypeInner::Array { base, size: ArraySize::Constant(len), .. } => {
            u64::from(len.get()).saturating_mul(numbers(module, base))
        }
        TypeInner::Struct { ref members, .. } => {
            members.iter().map(|member| numbers(module, member.ty)).sum()
        }
        _ => 0,
    }
}

impl Element {
    /// Whether a text that declares this reads the host's numbers as they are meant: i32 is read from u32, too.
    pub(super) fn reads(self, host: Element) -> bool {
        self == host || (self == Element::I32 && host == Element::U32)
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Element::F32 => "f32",
            Element::U32 => "u32",
            Element::I32 => "i32",
            Element::F16 => "f16",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Shader, *};

    #[test]
    fn one_type_of_texture_can_be_bound() {
        let found = |texture: &str| {
            let source = format!(
                "@group(0) @binding(3) var pixels: {texture};\n@compute @workgroup_size(1)\nfn main() {{}}\n"
            );
            Shader::of(&source, &[]).map(|shader| shader.interface.bindings.clone())
        };
        let expected = Binding {
            name: "pixels".into(),
            index: 3,
            writable: false,
            element: Some(Element::U32),
            stride: 16,
            numbers: 16,
            texture: true,
            place: "test.wgsl:1".into(),
        };
        assert_eq!(found(TEXTURE).unwrap(), [expected]);
        for other in ["texture_2d<u32>", "texture_storage_2d<rgba32uint, write>", "sampler"] {
            let Err(error) = found(other) else { panic!("{other} passes") };
            assert!(error.to_string().contains(TEXTURE), "{error}");
        }
    }

    #[test]
    fn a_constant_of_the_host_is_a_whole_number_from_one() {
        let source = "const ROWS = 8u;\nconst NONE = 0;\nconst HALF = 0.5;\n\
            @compute @workgroup_size(1)\nfn main() {}\n";
        let interface = Shader::of(source, &[]).unwrap().interface;
        assert_eq!(interface.constant("ROWS").unwrap(), 8);
        for (name, found) in [("NONE", "found 0"), ("HALF", "found 0.5"), ("MISSING", "found none")] {
            let error = interface.constant(name).unwrap_err().to_string();
            assert!(error.contains(found) && error.contains(&format!("`const {name}`")), "{error}");
        }
    }

    #[test]
    fn an_interface_is_written_as_json() {
        let source = "const BETA = 0.9;\noverride n: u32;\noverride step: u32 = 1u;\n\
            @group(0) @binding(0) var<storage, read_write> z: array<vec4f>;\n\
            @compute @workgroup_size(1)\nfn main() { z[n] = vec4f(f32(step)); }\n";
        let interface = Shader::of(source, &[("SIZE", 7)]).unwrap().interface;
        let expected = serde_json::json!({
            "path": "test.wgsl",
            "bindings": [{
                "name": "z", "index": 0, "writable": true, "element": "f32", "stride": 16, "texture": false,
            }],
            "constants": { "BETA": 0.9, "SIZE": 7.0 },
            "overrides": ["n", "step"],
            "open_overrides": ["n"],
        });
        assert_eq!(serde_json::to_value(&*interface).unwrap(), expected);
    }
}
