//! A shader's text, put together from its files, expanded, parsed and validated.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use wgpu::naga::{
    self, AddressSpace, ShaderStage,
    back::pipeline_constants::process_overrides,
    proc::Layouter,
    valid::{Capabilities, ModuleInfo, ValidationFlags, Validator},
};

use super::{Interface, ShaderError, interface, unroll};

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// Said of an error after the end of the file.
const AFTER_THE_END: &str =
    "this is after the end of the file, in a part that is appended: is a `}` missing before?";

/// A validated shader and its interface, read from the WGSL so that it is written only there.
pub struct Shader {
    /// What the host needs to know of it.
    pub interface: Arc<Interface>,
    /// What the driver gets: the source with its marked loops unrolled, the sizes, the appended parts.
    pub text: String,
    /// What the text says; handed on as it is, so that a long text is parsed once.
    pub(super) module: naga::Module,
    info: ModuleInfo,
    /// Workgroups by the values of the overrides.
    workgroups: Mutex<HashMap<String, Workgroup>>,
}

/// A file of a shader's text.
#[derive(Debug, Clone, Copy)]
pub struct Section<'a> {
    /// Where it came from, for messages.
    pub path: &'a str,
    /// WGSL.
    pub text: &'a str,
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

impl Shader {
    /// Expands, parses and validates `source`. The `sizes`, which array lengths may need, become
    /// `const` lines; they and the `parts` are appended, so that lines hold.
    ///
    /// # Errors
    /// [`ShaderError`] with naga's message, its line and caret, or the part of the interface that
    /// no kernel may have.
    pub fn new(source: Section, sizes: &[(&str, u32)], parts: &[Section]) -> Result<Self, ShaderError> {
        let path = source.path;
        let lines: String = sizes.iter().map(|(name, value)| format!("const {name} = {value}u;\n")).collect();
        let sizes = Section { path: "the sizes of the host", text: &lines };
        let sections: Vec<_> = [source, sizes].into_iter().chain(parts.iter().copied()).collect();
        let constants = constants_of(&sections)?;
        let expanded = expand(&sections, &constants)?;
        let texts: Vec<_> = sections
            .iter()
            .zip(&expanded)
            .map(|(section, text)| Section { path: section.path, text })
            .collect();
        let text = joined(&texts);
        let module = parse(&texts)?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::default() | Capabilities::SUBGROUP)
            .validate(&module)
            .map_err(|error| invalid(path, error.emit_to_string_with_path(&text, path)))?;
        let interface = |message| ShaderError::Interface { path: path.into(), message };
        check_entry_point(&module).map_err(interface)?;
        let interface = Arc::new(Interface::of(path, &module, constants).map_err(interface)?);
        Ok(Shader { interface, text, module, info, workgroups: Mutex::default() })
    }

    /// Whether it uses subgroups, which standard WGSL must be asked for by `enable subgroups;`.
    pub fn uses_subgroups(&self) -> bool {
        Validator::new(ValidationFlags::all(), Capabilities::default()).validate(&self.module).is_err()
    }

    /// Workgroup size and bytes of workgroup memory once the overrides have their values.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if an override has no value or a wrong one.
    pub fn workgroup(&self, overrides: &[(String, f64)]) -> Result<Workgroup, ShaderError> {
        let key = format!("{overrides:?}");
        let known = || self.workgroups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&workgroup) = known().get(&key) {
            return Ok(workgroup);
        }
        let workgroup = self.resolved_workgroup(overrides)?;
        known().insert(key, workgroup);
        Ok(workgroup)
    }

    fn resolved_workgroup(&self, overrides: &[(String, f64)]) -> Result<Workgroup, ShaderError> {
        let values: naga::back::PipelineConstants = overrides.iter().cloned().collect();
        let entry = Some((ShaderStage::Compute, ENTRY_POINT));
        let (module, _) = process_overrides(&self.module, &self.info, entry, &values)
            .map_err(|error| self.interface.error(super::error::chain(&error)))?;
        let mut layouter = Layouter::default();
        layouter.update(module.to_ctx()).map_err(|error| self.interface.error(error.to_string()))?;
        let shared = module.global_variables.iter().map(|(_, variable)| variable);
        let shared = shared.filter(|variable| variable.space == AddressSpace::WorkGroup);
        let memory = shared.map(|variable| u64::from(layouter[variable.ty].size)).sum();
        let size = module.entry_points.first().map_or([1; 3], |entry| entry.workgroup_size);
        self.check_workgroup(size)?;
        Ok(Workgroup { size, memory })
    }

    /// `flat_index` counts along x, in workgroups of `WORKGROUP`: another shape would leave
    /// elements out, in silence.
    fn check_workgroup(&self, size: [u32; 3]) -> Result<(), ShaderError> {
        let width = self.interface.number("WORKGROUP").unwrap_or(size[0].into());
        if size[1..] == [1, 1] && f64::from(size[0]) == width {
            return Ok(());
        }
        Err(self.interface.error(format!(
            "expected @workgroup_size({width}), as long as the const WORKGROUP and along x only, found {size:?}"
        )))
    }
}

fn invalid(path: &str, message: String) -> ShaderError {
    ShaderError::Invalid { path: path.into(), message }
}

/// The sections as one text.
fn joined(sections: &[Section]) -> String {
    sections.iter().flat_map(|section| [section.text.trim_end(), "\n"]).collect()
}

/// The section of a line of the joined text, from 1.
fn section_at(sections: &[Section], line: usize) -> usize {
    let mut end = 0;
    let holds = |section: &Section| {
        end += section.text.trim_end().lines().count().max(1);
        line <= end
    };
    sections.iter().position(holds).unwrap_or(sections.len() - 1)
}

/// Parses the sections as one text. An error in an appended one is reported in its own lines.
fn parse(sections: &[Section]) -> Result<naga::Module, ShaderError> {
    let text = joined(sections);
    naga::front::wgsl::parse_str(&text).map_err(|error| {
        let at = |error: &naga::front::wgsl::ParseError, text: &str, sections: &[Section]| {
            error.location(text).map_or(0, |at| section_at(sections, at.line_number as usize))
        };
        let (own, wrong) = (sections[0].path, at(&error, &text, sections));
        if wrong == 0 {
            return invalid(own, error.emit_to_string_with_path(&text, own));
        }
        // The order of declarations does not matter in WGSL: with its section first, the lines are right.
        let mut turned = sections.to_vec();
        turned.rotate_left(wrong);
        let again = joined(&turned);
        match naga::front::wgsl::parse_str(&again) {
            Err(error) if at(&error, &again, &turned) == 0 => {
                invalid(turned[0].path, error.emit_to_string_with_path(&again, turned[0].path))
            }
            _ => invalid(own, error.emit_to_string_with_path(&text, own) + AFTER_THE_END),
        }
    })
}

/// The sections with their marked loops unrolled.
fn expand(sections: &[Section], constants: &BTreeMap<String, f64>) -> Result<Vec<String>, ShaderError> {
    let expanded = |section: &Section| {
        unroll::unroll(section.text, constants).map_err(|error| {
            invalid(section.path, format!("{}:{}: {}", section.path, error.line, error.message))
        })
    };
    sections.iter().map(expanded).collect()
}

/// The constants of the module that are single numbers, as naga evaluates them. The text is parsed before
/// its loops are unrolled: their bounds are among these constants.
fn constants_of(sections: &[Section]) -> Result<BTreeMap<String, f64>, ShaderError> {
    let mut constants = interface::constants(&parse(sections)?);
    let text = joined(sections);
    // naga drops constants without a type: it is asked for them as f64, which holds all of them.
    for name in unroll::constant_names(&text) {
        let probe = format!("shadegrad_probe_{name}");
        if !constants.contains_key(&name)
            && let Ok(module) =
                naga::front::wgsl::parse_str(&format!("{text}const {probe}: f64 = f64({name});\n"))
            && let Some(&value) = interface::constants(&module).get(&probe)
        {
            constants.insert(name, value);
        }
    }
    Ok(constants)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Binding, Element, interface::TEXTURE};

    fn shader(source: &str, sizes: &[(&str, u32)], part: &str) -> Result<Shader, ShaderError> {
        let parts = [Section { path: "part.wgsl", text: part }];
        Shader::new(Section { path: "file.wgsl", text: source }, sizes, &parts)
    }

    #[test]
    fn one_type_of_texture_can_be_bound() {
        let found = |texture: &str| {
            let source = format!(
                "@group(0) @binding(3) var pixels: {texture};\n@compute @workgroup_size(1)\nfn main() {{}}\n"
            );
            shader(&source, &[], "").map(|shader| shader.interface.bindings.clone())
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
    fn constants_are_those_of_the_module_as_naga_evaluates_them() {
        let source = "// const NOT = 1;\n/* const NOR = 2; /* */ */ const BETA = 0.9;  // what is left\n\
            const EPS: f32 = 0.5f;\nconst ROWS = 4u;\nconst STRIDE = ROWS * SIZE / 2u + 1u;\nconst HALF = BETA / 2.0;\n\
            const\n  MINUS = -3i;\n\
            @compute @workgroup_size(1)\nfn main() { const INNER = 3.0; }\n";
        let shader = shader(source, &[("SIZE", 7)], "const LAST = -2.5;").unwrap();
        for (name, expected) in [
            ("BETA", Some(0.9)),
            ("EPS", Some(0.5)),
            ("ROWS", Some(4.0)),
            ("SIZE", Some(7.0)),
            ("STRIDE", Some(15.0)),
            ("LAST", Some(-2.5)),
            ("HALF", Some(0.45)),
            ("MINUS", Some(-3.0)),
            ("INNER", None),
            ("NOT", None),
            ("NOR", None),
            ("BET", None),
        ] {
            assert_eq!(shader.interface.number(name), expected, "{name}");
        }
    }

    #[test]
    fn an_error_is_reported_in_the_lines_of_its_own_file() {
        let message = |source: &str, part: &str| match shader(source, &[("SIZE", 7)], part) {
            Ok(_) => panic!("{source} passes"),
            Err(error) => error.to_string(),
        };
        let main = "@compute @workgroup_size(1)\nfn main() { f(); }\n";
        assert!(message(&format!("{main}\nfn g() {{ x }}"), "fn f() {}").contains("file.wgsl:4:"));
        assert!(message(main, "\nfn f() { let x = y; }").contains("part.wgsl:2:"));
        let open = message(&format!("{main}fn g() {{"), "fn f() {}");
        assert!(open.contains("file.wgsl") && open.contains("is a `}` missing"), "{open}");
    }
}
