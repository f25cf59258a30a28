//! A shader's text, parsed and validated.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use wgpu::naga::{
    self, AddressSpace, ShaderStage,
    back::pipeline_constants::process_overrides,
    valid::{Capabilities, ModuleInfo},
};

use super::{
    Interface, ShaderError,
    assemble::{Assembled, assemble, place},
    fault::needs,
    layout::layouts,
    part::{HostConstants, Part},
    writes::{Writes, writes},
};

/// The name of every kernel's entry point.
pub const ENTRY_POINT: &str = "main";

/// A validated shader and its interface.
pub struct Shader {
    /// What the host reads from it.
    pub interface: Arc<Interface>,
    /// What the driver gets: its files with their marked loops unrolled, and the sizes.
    pub text: String,
    /// Its files in their order: where each came from, and how many lines it has.
    files: Vec<(String, usize)>,
    /// Whether one of its files differs from the program's.
    pub edited: bool,
    /// Whether it needs a device with f16.
    pub uses_f16: bool,
    /// The parsed text; handed on as it is, so that a long text is parsed once.
    pub(super) module: naga::Module,
    pub(super) info: ModuleInfo,
    /// Results of [`Shader::workgroup`] by the values of the overrides.
    workgroups: Mutex<BTreeMap<String, Workgroup>>,
}

impl Shader {
    /// Unrolls, parses and validates a kernel: its file, the first of `parts`, and the files that are
    /// appended to it. The `sizes`, which array lengths may need, become `const` lines. `path` is the
    /// kernel's, for messages about its interface.
    ///
    /// # Errors
    /// [`ShaderError`] with naga's message, its file, line and caret, or the part of the interface that
    /// no kernel may have.
    pub fn new(path: &str, parts: &[Part], sizes: HostConstants) -> Result<Self, ShaderError> {
        let Assembled { text, module, info, mut constants, files } = assemble(parts, sizes)?;
        check_entry_point(&module)
            .map_err(|message| ShaderError::Interface { path: path.into(), message })?;
        let place = |span| place_of(&files, &text, span).unwrap_or_else(|| path.into());
        let interface = Arc::new(Interface::of(path, &module, constants.all(), place)?);
        let edited = parts.iter().any(|part| !part.built_in);
        let uses_f16 = text.contains("f16") && needs(&module, Capabilities::SHADER_FLOAT16);
        let shader =
            Shader { interface, text, files, edited, uses_f16, module, info, workgroups: Mutex::default() };
        if edited {
            shader.check_text()?;
        }
        Ok(shader)
    }

    /// What an invocation writes to each buffer at most.
    pub(super) fn writes(&self) -> Writes {
        writes(&self.module, &self.info)
    }

    /// The file and line of a part of the text.
    pub(super) fn place(&self, span: naga::Span) -> String {
        place_of(&self.files, &self.text, span).unwrap_or_else(|| self.interface.path.clone())
    }

    /// The text as the WGSL standard has it: naga rejects the line `enable subgroups;`, and browsers
    /// demand it of a text that uses them.
    pub fn standard_text(&self) -> String {
        let enable = if needs(&self.module, Capabilities::SUBGROUP) { "enable subgroups;\n" } else { "" };
        format!("{enable}{}", self.text)
    }

    /// Workgroup size and bytes of workgroup memory once the overrides have their values.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if an override has no value or a wrong one.
    pub fn workgroup(&self, overrides: &[(String, f64)]) -> Result<Workgroup, ShaderError> {
        let key = format!("{overrides:?}");
        let workgroups = || self.workgroups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&known) = workgroups().get(&key) {
            return Ok(known);
        }
        let found = self.evaluate_workgroup(overrides)?;
        workgroups().insert(key, found);
        Ok(found)
    }

    fn evaluate_workgroup(&self, overrides: &[(String, f64)]) -> Result<Workgroup, ShaderError> {
        let (module, _) = self.with_overrides(overrides)?;
        let memory = workgroup_memory(&module).map_err(|message| self.refused(message))?;
        let size = module.entry_points.first().map_or([1; 3], |entry| entry.workgroup_size);
        self.check_workgroup(size)?;
        Ok(Workgroup { size, memory })
    }

    /// The parsed text once the overrides have their values.
    pub(super) fn with_overrides(
        &self,
        overrides: &[(String, f64)],
    ) -> Result<(Cow<'_, naga::Module>, Cow<'_, ModuleInfo>), ShaderError> {
        let values: naga::back::PipelineConstants = overrides.iter().cloned().collect();
        let entry = Some((ShaderStage::Compute, ENTRY_POINT));
        process_overrides(&self.module, &self.info, entry, &values)
            .map_err(|error| self.refused(super::error::chain(&error)))
    }

    /// `flat_index` counts along x, in workgroups of `WORKGROUP`: another shape would leave
    /// elements out, in silence.
    fn check_workgroup(&self, size: [u32; 3]) -> Result<(), ShaderError> {
        let width = self.interface.number("WORKGROUP").unwrap_or(f64::from(size[0]));
        if size[1..] == [1, 1] && f64::from(size[0]) == width {
            return Ok(());
        }
        let message = format!(
            "expected @workgroup_size({width}), as long as the const WORKGROUP and along x only, found {size:?}"
        );
        Err(ShaderError::Text { path: self.place(self.workgroup_size_span()), message })
    }

    fn refused(&self, message: String) -> ShaderError {
        ShaderError::Interface { path: self.interface.path.clone(), message }
    }
}

/// File and line of a part of a text; `None` in what the program appends.
fn place_of(files: &[(String, usize)], text: &str, span: naga::Span) -> Option<String> {
    let line = span.is_defined().then(|| span.location(text).line_number as usize)?;
    let (at, line) = place(files, line)?;
    Some(format!("{}:{line}", files[at].0))
}

/// Bytes of all `var<workgroup>`.
fn workgroup_memory(module: &naga::Module) -> Result<u64, String> {
    let layouts = layouts(module)?;
    let variables = module.global_variables.iter().map(|(_, variable)| variable);
    let shared = variables.filter(|variable| variable.space == AddressSpace::WorkGroup);
    Ok(shared.map(|variable| u64::from(layouts[variable.ty].size)).sum())
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
impl Shader {
    /// A shader of one file.
    pub(super) fn of(text: &str, sizes: HostConstants) -> Result<Self, ShaderError> {
        Shader::new("test.wgsl", &[Part { path: "test.wgsl", text, built_in: false }], sizes)
    }

    /// One that writes to `z`, a buffer of vec4f, in workgroups of 64; `id` is the invocation's.
    pub(super) fn with_body(head: &str, body: &str) -> Result<Self, ShaderError> {
        let source = format!(
            "{head}\n@group(0) @binding(0) var<storage, read_write> z: array<vec4f>;\n\
             @compute @workgroup_size(64)\nfn main(@builtin(global_invocation_id) id: vec3u) {{ {body} }}\n"
        );
        Shader::of(&source, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subgroups_are_enabled_where_they_are_used() {
        let text = |lane: &str| {
            let source = format!(
                "@group(0) @binding(0) var<storage, read_write> z: array<u32>;\n\
                @compute @workgroup_size(8)\nfn main({lane}: u32) {{ z[lane] = lane; }}\n"
            );
            Shader::of(&source, &[]).unwrap().standard_text()
        };
        assert!(text("@builtin(subgroup_invocation_id) lane").starts_with("enable subgroups;\n@group"));
        assert!(text("@builtin(local_invocation_index) lane").starts_with("@group"));
    }

    #[test]
    fn a_workgroup_is_that_of_the_overrides() {
        let source = "override len: u32;\nvar<workgroup> shared_sums: array<vec4f, len>;\n\
            @compute @workgroup_size(8)\nfn main() { shared_sums[0] = vec4f(0.0); }\n";
        let shader = Shader::of(source, &[]).unwrap();
        for _ in 0..2 {
            for len in [3, 5] {
                let found = shader.workgroup(&[("len".into(), f64::from(len))]).unwrap();
                assert_eq!(found, Workgroup { size: [8, 1, 1], memory: 16 * u64::from(len as u32) });
            }
        }
        assert!(shader.workgroup(&[]).is_err(), "an override without a value");
    }
}
