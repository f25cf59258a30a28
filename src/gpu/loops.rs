//! How many iterations the loops of an invocation make at most, at the sizes of a dispatch. Some drivers stop loops in
//! silence beyond a number of them.

use super::{Shader, ShaderError, kernel::grid, launch::Launch, walk::walk};

/// The most iterations that the loops of an invocation make together: a number that every driver is known to run.
/// Some end all loops of an invocation once they have made 65,535.
pub const MAX_ITERATIONS: usize = 60_000;

/// A loop of a shader's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopCount {
    /// File and line.
    pub place: String,
    /// Iterations of an invocation at most, over all times that it comes to the loop. (But for the first time, the
    /// pass that ends it counts as well, as drivers count it.)
    pub iterations: u64,
    /// Whether it may make more, as not all can be seen that decides it.
    pub is_open: bool,
    /// Whether nothing can be seen to end it.
    pub is_endless: bool,
}

impl Shader {
    /// The loops that an invocation comes to when `invocations` are dispatched with buffers of these `bytes`; `None`
    /// if the text is too much to look through.
    ///
    /// # Errors
    /// [`ShaderError::Interface`] if an override has no value or a wrong one.
    pub fn loops(
        &self,
        overrides: &[(String, f64)],
        invocations: u64,
        bytes: impl Fn(&str) -> Option<u64>,
    ) -> Result<Option<Vec<LoopCount>>, ShaderError> {
        let workgroup = self.workgroup(overrides)?;
        let (module, info) = self.with_overrides(overrides)?;
        let lengths = module.global_variables.iter().filter_map(|(handle, variable)| {
            let name = variable.name.as_deref()?;
            let stride = self.interface.binding(name)?.stride;
            Some((handle, bytes(name)? / stride.max(1)))
        });
        let launch = Launch::new(grid(invocations, workgroup), workgroup.size, lengths.collect());
        let found = walk(&module, &info, &launch);
        Ok(found.map(|loops| {
            let count = |found: super::walk::Found| LoopCount {
                place: self.place(found.span),
                iterations: found.iterations,
                is_open: found.is_open,
                is_endless: found.is_endless,
            };
            loops.into_iter().map(count).collect()
        }))
    }
}

/// What some drivers may do to these loops, if that is known to be wrong.
pub fn too_long(loops: &[LoopCount]) -> Option<String> {
    let most = loops.iter().max_by_key(|found| found.iterations)?;
    let all = loops.iter().fold(0u64, |sum, found| sum.saturating_add(found.iterations));
    let drivers = "some drivers stop the loops of an invocation at 65,535 in all (docs/drivers.md)";
    if let Some(endless) = loops.iter().find(|found| found.is_endless) {
        return Some(format!("{}: nothing ends this loop; {drivers}", endless.place));
    }
    if most.iterations > MAX_ITERATIONS as u64 {
        return Some(format!(
            "{}: this loop runs up to {} times an invocation at this size; {drivers}",
            most.place, most.iterations
        ));
    }
    (all > MAX_ITERATIONS as u64).then(|| {
        format!(
            "{}: the loops of an invocation run up to {all} times together at this size, this one {} times; {drivers}",
            most.place, most.iterations
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The loops of a text that is dispatched for 1,000 elements, in workgroups of 64: iterations, and whether they
    /// may be more.
    fn found(body: &str) -> Vec<(u64, bool)> {
        let found = of(body).into_iter();
        found.map(|found| (found.iterations, found.is_open)).collect()
    }

    fn of(body: &str) -> Vec<LoopCount> {
        let source = format!(
            "override n: u32; override splits: u32; const TILE = 8u; var<private> p: u32;\n\
             @group(0) @binding(0) var<storage, read_write> z: array<vec4f>; @group(0) @binding(1) var<storage, read> data: array<u32>;\n\
             fn flat(id: vec3u, groups: vec3u) -> u32 {{ return id.y * groups.x * 64u + id.x; }}\n\
             fn sum(from_: u32, to: u32) -> f32 {{ var s = 0.0; for (var i = from_; i < to; i++) {{ s += f32(i); }} return s; }}\n\
             fn twice(x: ptr<function, u32>) -> u32 {{ *x += 1u; return 2u; }}\n\
             @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u, \
             @builtin(local_invocation_index) local: u32) {{ var f = 0.0; let at = flat(id, groups); let m = arrayLength(&z);\n{body}\n z[at].x = f; }}"
        );
        let shader = Shader::of(&source, &[]).unwrap_or_else(|error| panic!("{error}"));
        let overrides = [("n".to_owned(), 70_000.0), ("splits".to_owned(), 40.0)];
        shader.loops(&overrides, 1_000, |name| Some(if name == "z" { 16_000 } else { 400 })).unwrap().unwrap()
    }

    #[test]
    fn counted_loops_have_bounds() {
        for (body, iterations) in [
            ("for (var i = 0u; i < n; i++) { f += 1.0; }", 70_000),
            ("for (var i = 0; i < i32(n); i += 2) { f += 1.0; }", 35_000),
            ("for (var i = 5u; i <= n; i += TILE) { f += 1.0; }", 8_750),
            ("for (var i = n; i > 0u; i--) { f += 1.0; }", 70_000),
            ("for (var i = 10; i >= -3; i -= 1) { f += 1.0; }", 14),
            ("for (var i = local; i < m; i += 64u) { f += 1.0; }", 16),
            ("for (var i = at; i < n; i += groups.x * 64u) { f += 1.0; }", 69),
            ("for (var i = 0u; n > 2u * i; i++) { f += 1.0; }", 35_000),
            ("for (var i = 0u; i + 4u <= n; i += 4u) { f += 1.0; }", 17_500),
            ("for (var i = 0u; i < min(n, data[0]); i++) { f += 1.0; }", 70_000),
            ("for (var i = data[0]; i < m; i++) { f += 1.0; }", 1_000),
            ("for (var i = 0u; i < data[3] % 7u; i++) { f += 1.0; }", 6),
            ("for (var i = 0u; i < clamp(data[0], 2u, 9u); i++) { f += 1.0; }", 9),
            ("for (var i = 0u; i < select(4u, n, m > 0u); i++) { f += 1.0; }", 70_000),
            ("for (var i = 0u; i < select(4u, 9u, data[0] > 0u); i++) { f += 1.0; }", 9),
            ("for (var i = 0u; i < (n >> 3u) + (data[0] & 15u); i++) { f += 1.0; }", 8_765),
            ("for (var i = 0u; i < n && f < 3.0; i++) { f += 1.0; }", 70_000),
            ("for (var i = 0u; ; i++) { if (i >= n || f > 3.0) { break; } f += 1.0; }", 70_000),
            ("var i = 0u; while (i < m) { f += 1.0; i += 1u; }", 1_000),
            ("var i = 0u; loop { f += 1.0; continuing { i++; break if i == 9u || i >= m; } }", 1_000),
            ("var i = 0u; loop { i++; if (i > m) { return; } if (f > 1.0) { continue; } f += 1.0; }", 1_001),
            ("let k = n - 9u; for (var i = 9u; i < k; i++) { if (f > 1.0) { i += 2u; } }", 69_982),
            ("var i = 9u; if (f > 1.0) { i = 3u; } for (; i < 10u; i++) { f += 1.0; }", 7),
            ("if (splits > 40u) { for (var i = 0u; i < n; i++) { f += 1.0; } } f = sum(4u, m);", 996),
            ("f = sum(4u, m) + sum(at, at + 3u);", 999),
            ("var c = vec2u(n, 7u); for (var i = 0u; i < c.y; i++) { f += 1.0; }", 7),
            ("for (var i = 0u; i < 0u; i++) { f += 1.0; }", 0),
        ] {
            assert_eq!(
                found(body),
                if iterations == 0 { vec![(0, false)] } else { vec![(iterations, false)] },
                "{body}"
            );
        }
    }

    #[test]
    fn a_range_of_a_split_sum_is_as_long_as_its_difference() {
        let head = "let split = at / (m / 40u); let rows = (n + splits - 1u) / splits;";
        for body in [
            "for (var row = split * rows; row < min((split + 1u) * rows, n); row++) { f += 1.0; }",
            "let end = min(rows * (1u + split), n); for (var row = rows * split; row < end; row++) { f += 1.0; }",
            "f = sum(split * rows, split * rows + rows);",
        ] {
            assert_eq!(found(&format!("{head} {body}")), [(1_750, false)], "{body}");
        }
    }

    #[test]
    fn loops_inside_loops_go_round_together() {
        let nested = "for (var i = 0u; i < 100u; i++) { for (var j = 0u; j < 700u; j++) { f += 1.0; } }";
        assert_eq!(found(nested), [(100, false), (70_099, false)], "and the passes that end the inner one");
        let triangle =
            "for (var i = 0u; i < 10u; i++) { for (var j = i; j < i + 3u; j++) { f = sum(j, 20u); } }";
        assert_eq!(found(triangle), [(30 * 20 + 29, false), (10, false), (39, false)]);
        let downward = "for (var i = 0u; i < 10u; i++) { for (var j = 0u; j < 10u - i; j++) { f += 1.0; } }";
        assert_eq!(found(downward), [(10, false), (109, false)]);
    }

    #[test]
    fn what_is_not_known_is_open() {
        for body in [
            "for (var i = 0u; i < data[0]; i++) { f += 1.0; }",
            "for (var i = 0u; i < p; i++) { f += 1.0; }",
            "for (var i = 0u; i < n; i += data[0]) { f += 1.0; }",
            "for (var i = 0u; i < n; i++) { i = data[i]; }",
            "for (var i = 0u; i < n; i++) { i -= 1u; }",
            "for (var i = 0u; i < n; i += twice(&i)) { f += 1.0; }",
            "for (var i = 0u; i < n; ) { if (f > 1.0) { i++; } f += 1.0; }",
            "for (var i = 0u; i < m - at; i++) { f += 1.0; }",
            "for (var i = n; i > 0u; i -= 3u) { f += 1.0; }",
            "for (var i = n; i > 0u; i /= 2u) { f += 1.0; }",
            "for (var i = 0u; i <= 4294967295u; i += 2u) { f += 1.0; if (f > 9.0) { break; } }",
            "while (f < 9.0) { f += 1.0; }",
            "var i = 0u; loop { if (f > 1.0) { continue; } if (i > 9u) { break; } continuing { i++; } }",
            "for (var i = 0u; i < bitcast<u32>(f); i++) { f += 1.0; }",
            "var i = 0u; loop { if (i >= 10u) { if (i < n) { continue; } break; } continuing { i++; } }",
            "var i = 0u; loop { var ok = false; if (i < 10u) { ok = f > 1.0; } else { ok = false; } \
                if (f > 2.0) { ok = true; } if (!ok) { break; } continuing { i++; } }",
        ] {
            let loops = of(body);
            assert!(matches!(&loops[..], [only] if only.is_open && !only.is_endless), "{body}: {loops:?}");
            assert_eq!(too_long(&loops), None, "{body}");
        }
    }

    #[test]
    fn loops_that_some_drivers_stop_are_told_with_their_line() {
        let said = |body: &str| too_long(&of(body));
        assert_eq!(said("for (var i = 0u; i < 60000u; i++) { f += 1.0; }"), None);
        let long = said("f = 1.0;\nfor (var i = 0u; i < n; i++) { f += 1.0; }").unwrap();
        assert!(long.starts_with("test.wgsl:8: this loop runs up to 70000 times"), "{long}");
        let one = "for (var i = 0u; i < 40000u; i++) { f += 1.0; }";
        let both = said(&format!("{one}\n{one}")).unwrap();
        assert!(both.contains("up to 80000 times together"), "{both}");
        let open = said("while (f < 9.0) { f += 1.0;\nfor (var i = 0u; i < n; i++) { f += 1.0; } }").unwrap();
        assert!(open.starts_with("test.wgsl:8: this loop"), "{open}");
        for endless in [
            "loop { f += 1.0; }",
            "while (true) { if (f > 1.0) { continue; } }",
            "for (;;) { for (;;) { break; } }",
        ] {
            let said = said(endless).unwrap();
            assert!(said.starts_with("test.wgsl:7: nothing ends this loop"), "{said}");
        }
    }

    #[test]
    fn a_text_that_is_too_much_to_follow_is_none() {
        let twice =
            |at: u32| format!("fn f{at}(x: u32) -> u32 {{ return f{0}(x) + f{0}(x + 1u); }}\n", at - 1);
        let functions: String = (1..40).map(twice).collect();
        let source = format!(
            "fn f0(x: u32) -> u32 {{ var s = 0u; for (var i = 0u; i < x; i++) {{ s += i; }} return s; }}\n{functions}\
             @group(0) @binding(0) var<storage, read_write> z: array<u32>;\n@compute @workgroup_size(1) fn main() {{ z[0] = f39(1u); }}"
        );
        let shader = Shader::of(&source, &[]).unwrap();
        assert_eq!(shader.loops(&[], 1, |_| Some(4)).unwrap(), None);
    }
}
