//! How much memory of its own an invocation takes: drivers end the process, or compile without end, beyond what they
//! can hold.

use wgpu::naga::{
    AddressSpace, Expression, Function, Handle, Span, TypeInner, proc::TypeResolution, valid::FunctionInfo,
};

use super::{Shader, ShaderError, layout::layouts};

/// Most bytes of an invocation's own variables, of all functions together, and of a value without a variable.
const MAX_LOCAL_BYTES: u64 = 64 << 10;

impl Shader {
    /// Bounds the variables of an invocation, and its values that are no variables.
    ///
    /// # Errors
    /// [`ShaderError::Text`] with file and line, and the numbers.
    pub(super) fn check_local_memory(&self) -> Result<(), ShaderError> {
        let module = &self.module;
        let layouts = layouts(module).map_err(|message| self.interface.error(message))?;
        let locals = self.functions().flat_map(|(function, _)| {
            let variables = function.local_variables.iter();
            variables.map(|(handle, variable)| (variable.ty, function.local_variables.get_span(handle)))
        });
        let private = self.variables().filter(|(_, variable, _)| variable.space == AddressSpace::Private);
        let mut sum = 0;
        for (ty, span) in locals.chain(private.map(|(_, variable, span)| (variable.ty, span))) {
            sum += u64::from(layouts[ty].size);
            if sum > MAX_LOCAL_BYTES {
                return Err(self.too_much(span, "variables", sum));
            }
        }
        let values = self.functions().flat_map(|(function, info)| {
            let of = |(handle, _): (Handle<Expression>, _)| match info[handle].ty {
                // A pointer has no memory of its own.
                TypeResolution::Handle(ty) if !is_pointer(&module.types[ty].inner) => {
                    Some((ty, function.expressions.get_span(handle)))
                }
                _ => None,
            };
            function.expressions.iter().filter_map(of)
        });
        let large = values.map(|(ty, span)| (u64::from(layouts[ty].size), span));
        match large.into_iter().find(|&(bytes, _)| bytes > MAX_LOCAL_BYTES) {
            Some((bytes, span)) => Err(self.too_much(span, "value", bytes)),
            None => Ok(()),
        }
    }

    fn functions(&self) -> impl Iterator<Item = (&Function, &FunctionInfo)> {
        let module = &self.module;
        let own = module.functions.iter().map(|(handle, function)| (function, &self.info[handle]));
        let entries = module.entry_points.iter().enumerate();
        own.chain(entries.map(|(at, entry)| (&entry.function, self.info.get_entry_point(at))))
    }

    fn too_much(&self, span: Span, what: &str, bytes: u64) -> ShaderError {
        let need = if what == "value" {
            "this value of an invocation needs"
        } else {
            "an invocation's variables need"
        };
        let message = format!("{need} {bytes} bytes or more, and at most {MAX_LOCAL_BYTES} are allowed");
        self.error_at(span, message)
    }
}

fn is_pointer(ty: &TypeInner) -> bool {
    matches!(ty, TypeInner::Pointer { .. } | TypeInner::ValuePointer { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(result: Result<Shader, ShaderError>) -> String {
        result.map(drop).unwrap_err().to_string()
    }

    #[test]
    fn variables_are_bounded() {
        let sized = |bytes: u32| {
            Shader::with_body("", &format!("var big: array<f32, {}>; big[id.x % 7u] = 1.0;", bytes / 4))
        };
        assert!(sized(64 << 10).is_ok());
        assert!(said(sized((64 << 10) + 4)).starts_with("test.wgsl:4: "));
        assert!(said(sized(1 << 30)).contains("1073741824"));
        let private = Shader::with_body("var<private> big: array<f32, 20000>;", "big[id.x % 7u] = 1.0;");
        assert!(said(private).starts_with("test.wgsl:1: "));
    }

    #[test]
    fn values_without_a_variable_are_bounded() {
        let head = |len: u32| {
            format!(
                "const BIG = array<f32, {len}>(); struct S {{ a: array<f32, {len}> }} fn give() -> S {{ return S(); }}"
            )
        };
        for body in
            ["z[0].x = BIG[id.x % 7u];", "z[0].x = give().a[id.x % 7u];", "z[0].x = S().a[id.x % 7u];"]
        {
            assert!(Shader::with_body(&head(16_384), body).is_ok(), "{body}");
            let message = said(Shader::with_body(&head(16_385), body));
            assert!(message.starts_with("test.wgsl:") && message.contains("65540 bytes"), "{message}");
        }
    }
}
