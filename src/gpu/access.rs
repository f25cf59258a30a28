//! Whether an edited shader reads and writes the same buffers as ours.

use super::{Binding, Shader, ShaderError};

impl Shader {
    /// Compares what the shader may write to with what the built-in text may.
    ///
    /// # Errors
    /// [`ShaderError::Text`] with file and line, and both sides.
    pub fn check_access(&self, ours: &Shader) -> Result<(), ShaderError> {
        for Binding { name, writable, place, .. } in &self.interface.bindings {
            let message = match (writable, ours.interface.binding(name).map(|ours| ours.writable)) {
                (true, Some(false)) => format!(
                    "`{name}` is declared as read_write, and the built-in file only reads it: declare it as \
                     var<storage, read>"
                ),
                (false, Some(true)) => format!(
                    "`{name}` is declared as read, and the built-in file writes it: declare it as var<storage, read_write>, \
                     and write it"
                ),
                _ => continue,
            };
            return Err(ShaderError::Text { path: place.clone(), message });
        }
        Ok(())
    }
}

/// Requires that no buffer is bound twice where one of the two may be written. `share` says whether two variables
/// lie in the same one.
///
/// # Errors
/// [`ShaderError::Text`] with file and line, and both variables.
pub fn check_shared(bindings: &[Binding], share: impl Fn(&str, &str) -> bool) -> Result<(), ShaderError> {
    for written in bindings.iter().filter(|binding| binding.writable) {
        let other =
            bindings.iter().find(|other| other.name != written.name && share(&written.name, &other.name));
        if let Some(other) = other {
            return Err(ShaderError::Text {
                path: written.place.clone(),
                message: format!(
                    "`{}` is declared as read_write, and `{}` lies in the same buffer: a dispatch cannot bind both",
                    written.name, other.name
                ),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shader(z: &str, a: &str) -> Shader {
        let source = format!(
            "@group(0) @binding(0) var<storage, {z}> z: array<f32>;\n@group(0) @binding(1) var<storage, {a}> a: array<f32>;\n\
             @compute @workgroup_size(1)\nfn main() {{ let sum = z[0] + a[0]; }}\n"
        );
        Shader::of(&source, &[]).unwrap()
    }

    #[test]
    fn access_is_that_of_the_built_in_file() {
        let ours = shader("read", "read_write");
        let said = |z, a| shader(z, a).check_access(&ours).map_err(|error| error.to_string());
        assert_eq!(said("read", "read_write"), Ok(()));
        assert!(
            said("read_write", "read_write")
                .unwrap_err()
                .starts_with("test.wgsl:1: `z` is declared as read_write")
        );
        assert!(said("read", "read").unwrap_err().starts_with("test.wgsl:2: `a` is declared as read, and"));
    }

    #[test]
    fn a_buffer_that_is_written_is_bound_once() {
        let both = |z, a| check_shared(&shader(z, a).interface.bindings, |_, _| true);
        assert!(both("read", "read").is_ok());
        for (z, a, line) in
            [("read_write", "read", 1), ("read", "read_write", 2), ("read_write", "read_write", 1)]
        {
            let message = both(z, a).unwrap_err().to_string();
            assert!(message.starts_with(&format!("test.wgsl:{line}: `")), "{message}");
        }
        assert!(check_shared(&shader("read_write", "read").interface.bindings, |_, _| false).is_ok());
    }
}
