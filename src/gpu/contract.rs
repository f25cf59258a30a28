//! What an edited shader must keep to so that it can be dispatched in the place of ours. It is compared before a
//! driver sees it, and a difference is reported with both sides.

use wgpu::naga::{self, AddressSpace, Handle};

use super::{
    Adapter, Binding, Element, Limit, Needs, Shader, ShaderError, Workgroup, lexer::Lexed,
    uniformity::divergent_barrier,
};

/// Binding numbers are below this.
const MAX_BINDINGS: u32 = 1_000;

/// What the host binds to a variable.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The kind of number in it.
    pub element: Element,
    /// Bytes.
    pub bytes: u64,
    /// Whether it is a texture.
    pub texture: bool,
}

impl Shader {
    /// What can be seen in the text alone.
    ///
    /// # Errors
    /// [`ShaderError::Text`] with file and line.
    pub(super) fn check_text(&self) -> Result<(), ShaderError> {
        for (_, variable, span) in self.variables() {
            if let Some(slot) = variable.binding.filter(|slot| slot.binding >= MAX_BINDINGS) {
                let message = format!("@binding({}): expected a number below {MAX_BINDINGS}", slot.binding);
                return Err(self.error_at(span, message));
            }
        }
        if let Some(span) = divergent_barrier(&self.module) {
            let message = "not all invocations of a workgroup reach this barrier together: it is after a `return`, or in \
                           an `if` or a loop, that depends on the invocation";
            return Err(self.error_at(span, message.into()));
        }
        self.check_local_memory()
    }

    /// Requires that `adapter` can run a workgroup of this shader.
    ///
    /// # Errors
    /// [`ShaderError::Text`] with file and line, need and have.
    pub fn check_limits(&self, workgroup: Workgroup, adapter: &Adapter) -> Result<(), ShaderError> {
        if self.uses_f16 && !adapter.raw.features().contains(wgpu::Features::SHADER_F16) {
            return Err(self.interface.error(format!("uses f16, which {adapter} does not have: use f32")));
        }
        self.exceeded(workgroup, &adapter.raw.limits()).map_or(Ok(()), |(span, limit, need, have)| {
            let name = limit.name();
            Err(self.error_at(
                span,
                format!("{name} is {have} on {adapter}, needed {need}: edit the shader to use less"),
            ))
        })
    }

    /// What other devices may refuse, as it is more than WebGPU guarantees.
    pub fn beyond_webgpu(&self, workgroup: Workgroup) -> Option<String> {
        let (span, limit, need, have) = self.exceeded(workgroup, &wgpu::Limits::defaults())?;
        let (place, name) = (self.place(span), limit.name());
        Some(format!(
            "{place}: {name} of {need} is needed, and WebGPU guarantees {have}: other devices may refuse it"
        ))
    }

    /// The first limit that is exceeded: where, which, need and have.
    fn exceeded(&self, workgroup: Workgroup, have: &wgpu::Limits) -> Option<(naga::Span, Limit, u64, u64)> {
        let mut needs = Needs::default();
        needs.kernel(&self.interface, workgroup);
        let (limit, need, have) = needs.beyond(have)?;
        let adds_up = |space: AddressSpace| match limit {
            Limit::WorkgroupMemory => space == AddressSpace::WorkGroup,
            Limit::StorageBuffers => matches!(space, AddressSpace::Storage { .. }),
            _ => false,
        };
        let last = self.variables().filter(|(_, variable, _)| adds_up(variable.space)).last();
        Some((last.map_or_else(|| self.workgroup_size_span(), |found| found.2), limit, need, have))
    }

    /// Where the text says how large a workgroup is.
    pub(super) fn workgroup_size_span(&self) -> naga::Span {
        let lexed = Lexed::of(&self.text);
        (1..lexed.tokens.len())
            .find(|&at| lexed.text(at - 1) == "@" && lexed.text(at) == "workgroup_size")
            .map_or(naga::Span::default(), |at| (lexed.tokens[at].start..lexed.tokens[at].end).into())
    }

    /// Requires that `invocations`, as many as the host dispatches, can write all of a buffer that the built-in
    /// text would write with its own number of invocations.
    ///
    /// # Errors
    /// [`ShaderError::Text`] with file and line, and the numbers of both.
    pub fn check_covers(
        &self,
        invocations: u64,
        (ours, our_invocations): (&Shader, u64),
        overrides: &[(String, f64)],
        bytes: impl Fn(&str) -> Option<u64>,
    ) -> Result<(), ShaderError> {
        let whole = |shader: &Shader, invocations: u64| -> Result<u64, ShaderError> {
            Ok(invocations.next_multiple_of(shader.workgroup(overrides)?.invocations()))
        };
        let (dispatched, ours_dispatched) = (whole(self, invocations)?, whole(ours, our_invocations)?);
        let found = self.writes();
        for (name, each) in ours.writes() {
            let Some(need) = bytes(&name) else { continue };
            // In a loop it writes as much as there is.
            let would = each.map_or(need, |each| each.saturating_mul(ours_dispatched));
            if each.is_none() && found.get(&name).is_some_and(|found| *found != Some(0)) {
                continue;
            }
            let Some(each) = found.get(&name).copied().unwrap_or(Some(0)) else { continue };
            let most = each.saturating_mul(dispatched);
            if most >= need || would < need {
                continue;
            }
            let span = self
                .variables()
                .find(|(found, ..)| *found == name)
                .map_or(naga::Span::default(), |found| found.2);
            return Err(self.error_at(
                span,
                format!(
                    "`{name}` would be written only in part: {invocations} invocations write at most {most} bytes, and \
                     there are {need} (the built-in file writes up to {would})"
                ),
            ));
        }
        Ok(())
    }

    /// The module's variables with names and places.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, &naga::GlobalVariable, naga::Span)> {
        let variables = &self.module.global_variables;
        let of = |(handle, variable): (Handle<naga::GlobalVariable>, _)| (handle, variable);
        variables.iter().map(of).map(|(handle, variable): (_, &naga::GlobalVariable)| {
            (variable.name.clone().unwrap_or_default(), variable, variables.get_span(handle))
        })
    }

    pub(super) fn error_at(&self, span: naga::Span, message: String) -> ShaderError {
        ShaderError::Text { path: self.place(span), message }
    }
}

/// Compares what a shader declares with what the host binds.
///
/// # Errors
/// [`ShaderError::Text`] with file and line, and both sides.
pub fn check_binding(binding: &Binding, bound: Bound) -> Result<(), ShaderError> {
    let Binding { name, element, stride, texture, numbers, place, .. } = binding;
    let message = match (bound.texture, texture) {
        (true, true) => return Ok(()),
        (false, true) => format!(
            "`{name}` is declared as a texture, and at this place the host binds a buffer: declare it as var<storage>"
        ),
        (true, false) => format!("`{name}` is declared as a buffer, and the host binds a texture"),
        _ if element.is_some_and(|declared| !declared.reads(bound.element)) => {
            let declared = element.map_or(String::new(), |element| element.to_string());
            format!("`{name}` is declared with elements of {declared}, the host binds {}", bound.element)
        }
        _ if numbers != stride => format!(
            "`{name}` is declared with elements of {stride} bytes of which {numbers} are numbers, and the host binds \
             {} without padding: declare vec4, vec2 or single numbers",
            bound.element
        ),
        _ if bound.bytes < *stride || !bound.bytes.is_multiple_of(*stride) => format!(
            "`{name}` is declared with elements of {stride} bytes, the host binds {} bytes, which is no multiple of it",
            bound.bytes
        ),
        _ => return Ok(()),
    };
    Err(ShaderError::Text { path: place.clone(), message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<T>(result: Result<T, ShaderError>) -> String {
        result.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn limits_are_told_with_line_need_and_have() {
        let shader =
            Shader::with_body("var<workgroup> tile: array<f32, 8192>;", "tile[id.x % 7u] = 1.0;").unwrap();
        let workgroup = shader.workgroup(&[]).unwrap();
        let warning = shader.beyond_webgpu(workgroup).unwrap();
        assert!(warning.starts_with("test.wgsl:1: maxComputeWorkgroupStorageSize of 32768"), "{warning}");
        let large = Workgroup { size: [512, 1, 1], memory: 0 };
        let warning = shader.beyond_webgpu(large).unwrap();
        assert!(
            warning.starts_with("test.wgsl:3: ") && warning.contains("512") && warning.contains("256"),
            "{warning}"
        );
        assert_eq!(shader.beyond_webgpu(Workgroup { size: [256, 1, 1], memory: 16 << 10 }), None);
    }

    #[test]
    fn what_can_be_written_covers_what_ours_writes() {
        let ours = Shader::with_body("", "z[id.x] = vec4f(1.0);").unwrap();
        let check = |body: &str| {
            let edited = Shader::with_body("fn two(i: u32) { z[i].x = 1.0; z[i].y = 2.0; }", body).unwrap();
            edited.check_covers(128, (&ours, 128), &[], |_| Some(2_048))
        };
        for body in [
            "z[id.x] = vec4f(2.0);",
            "two(id.x); two(id.x + 1u);",
            "for (var i = 0u; i < 4u; i++) { z[id.x][i] = 1.0; }",
        ] {
            check(body).unwrap_or_else(|error| panic!("{body}: {error}"));
        }
        for body in ["z[id.x].x = 1.0;", "two(id.x);", "let x = z[0];"] {
            let message = said(check(body));
            assert!(message.starts_with("test.wgsl:2: `z`") && message.contains("2048"), "{message}");
        }
        let half = said(ours.check_covers(64, (&ours, 128), &[], |_| Some(2_048)));
        assert!(half.contains("64 invocations write at most 1024 bytes"), "{half}");
        let in_loop =
            Shader::with_body("", "for (var i = 0u; i < 9u; i++) { z[i] = vec4f(f32(i)); }").unwrap();
        let none = said(Shader::with_body("", "let x = z[0];").unwrap().check_covers(
            128,
            (&in_loop, 128),
            &[],
            |_| Some(64),
        ));
        assert!(none.contains("at most 0 bytes"), "{none}");
        assert!(ours.check_covers(128, (&in_loop, 128), &[], |_| Some(1 << 20)).is_ok());
        let few = ours.check_covers(128, (&ours, 128), &[], |_| Some(1 << 20));
        assert!(few.is_ok(), "a buffer that ours writes in part is no fault");
    }

    #[test]
    fn elements_with_padding_are_refused() {
        let check = |ty: &str| {
            let source = format!(
                "enable f16;\nstruct Padded {{ a: vec3f, b: f32, c: f32 }}\nstruct Packed {{ a: vec3f, b: f32 }}\n\
                 @group(0) @binding(0) var<storage, read> z: array<{ty}>;\n@compute @workgroup_size(1)\nfn main() {{ let x = z[0]; }}\n"
            );
            let interface = Shader::of(&source, &[])?.interface;
            check_binding(&interface.bindings[0], Bound { element: Element::F32, bytes: 960, texture: false })
        };
        for ty in ["f32", "vec2f", "vec4f", "mat4x4f", "mat2x2f", "array<f32, 3>", "Packed"] {
            check(ty).unwrap_or_else(|error| panic!("{ty}: {error}"));
        }
        for ty in ["vec3f", "mat3x3f", "Padded", "array<vec3f, 5>"] {
            assert!(said(check(ty)).contains("are numbers"), "{ty}");
        }
        for ty in ["u32", "vec4<i32>", "array<i32, 3>", "f16", "vec4<f16>"] {
            assert!(check(ty).is_err(), "{ty}");
        }
    }
}
