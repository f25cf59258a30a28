//! Barriers that not all invocations of a workgroup reach together: GPUs then give garbage, and browsers refuse the
//! text. naga accepts it, so the text is looked through here, as far as it can be seen: what is not known counts as
//! the same for all.

use std::collections::HashSet;

use wgpu::naga::{
    self, AddressSpace, Barrier, Binding, Block, BuiltIn, Expression, Function, Handle, Module, Span,
    Statement, StorageAccess,
};

use super::pointer;

/// Most times that a function is looked through; each time at least one more variable or loop differs.
const MAX_ROUNDS: usize = 64;

/// The first barrier that is reached by some invocations only.
pub fn divergent_barrier(module: &Module) -> Option<Span> {
    let mut known = Vec::new();
    // A function comes after those that it calls.
    for (_, function) in module.functions.iter() {
        let found = Look::at(module, function, &known, false);
        if found.divergent.is_some() {
            return found.divergent;
        }
        known.push(found);
    }
    let entry = module.entry_points.first()?;
    Look::at(module, &entry.function, &known, true).divergent
}

/// What is known of a function.
struct Known {
    /// Whether it has a barrier, or calls what has one.
    barrier: bool,
    /// Whether its result differs between invocations even if its arguments do not.
    differs: bool,
    divergent: Option<Span>,
}

/// Which jumps are taken by some invocations only.
#[derive(Default, Clone, Copy)]
struct Jumps {
    returned: bool,
    broke: bool,
    continued: bool,
}

impl Jumps {
    fn any(self) -> bool {
        self.returned || self.broke || self.continued
    }

    fn and(self, other: Jumps) -> Jumps {
        Jumps {
            returned: self.returned || other.returned,
            broke: self.broke || other.broke,
            continued: self.continued || other.continued,
        }
    }
}

/// One function, looked through until nothing more differs.
struct Look<'a> {
    module: &'a Module,
    function: &'a Function,
    known: &'a [Known],
    is_entry: bool,
    /// For each expression whether it differs between invocations.
    differs: Vec<bool>,
    /// Variables that differ.
    locals: HashSet<Handle<naga::LocalVariable>>,
    /// Results of calls that differ.
    results: HashSet<Handle<Expression>>,
    /// Loops that some invocations leave before others.
    loops: HashSet<*const Block>,
    grew: bool,
    barrier: bool,
    returns: bool,
    divergent: Option<Span>,
}

impl<'a> Look<'a> {
    fn at(module: &'a Module, function: &'a Function, known: &'a [Known], is_entry: bool) -> Known {
        let mut look = Look {
            module,
            function,
            known,
            is_entry,
            differs: Vec::new(),
            locals: HashSet::new(),
            results: HashSet::new(),
            loops: HashSet::new(),
            grew: false,
            barrier: false,
            returns: false,
            divergent: None,
        };
        for _ in 0..MAX_ROUNDS {
            (look.grew, look.divergent) = (false, None);
            look.expressions();
            look.block(&function.body, false);
            if !look.grew {
                break;
            }
        }
        Known { barrier: look.barrier, differs: look.returns, divergent: look.divergent }
    }

    fn expressions(&mut self) {
        self.differs.clear();
        for (handle, expression) in self.function.expressions.iter() {
            // Operands come before what is made of them.
            let differs = self.expression(handle, expression);
            self.differs.push(differs);
        }
    }

    fn is(&self, expression: Handle<Expression>) -> bool {
        self.differs[expression.index()]
    }

    fn expression(&self, handle: Handle<Expression>, expression: &Expression) -> bool {
        use Expression as E;
        match *expression {
            E::FunctionArgument(at) => {
                self.is_entry && self.function.arguments[at as usize].binding.as_ref().is_some_and(differs_as)
            }
            E::AccessIndex { base, index } => self.member(base, index).unwrap_or_else(|| self.is(base)),
            E::GlobalVariable(variable) => match self.module.global_variables[variable].space {
                AddressSpace::Private => true,
                AddressSpace::Storage { access } => access.contains(StorageAccess::STORE),
                _ => false,
            },
            E::LocalVariable(variable) => self.locals.contains(&variable),
            E::CallResult(_) => self.results.contains(&handle),
            E::AtomicResult { .. } | E::SubgroupBallotResult | E::SubgroupOperationResult { .. } => true,
            E::Access { base, index } => self.is(base) || self.is(index),
            E::Splat { value, .. } => self.is(value),
            E::Swizzle { vector, .. } => self.is(vector),
            E::Compose { ref components, .. } => components.iter().any(|&component| self.is(component)),
            E::Load { pointer } => self.is(pointer),
            E::ImageLoad { coordinate, .. } => self.is(coordinate),
            E::Unary { expr, .. } | E::As { expr, .. } => self.is(expr),
            E::Binary { left, right, .. } => self.is(left) || self.is(right),
            E::Select { condition, accept, reject } => {
                self.is(condition) || self.is(accept) || self.is(reject)
            }
            E::Relational { argument, .. } => self.is(argument),
            E::Math { arg, arg1, arg2, arg3, .. } => {
                [Some(arg), arg1, arg2, arg3].into_iter().flatten().any(|arg| self.is(arg))
            }
            _ => false,
        }
    }

    /// Whether a member of a structure of built-in values differs; `None` if it is no such member.
    fn member(&self, base: Handle<Expression>, index: u32) -> Option<bool> {
        let Expression::FunctionArgument(at) = self.function.expressions[base] else { return None };
        let naga::TypeInner::Struct { members, .. } =
            &self.module.types[self.function.arguments[at as usize].ty].inner
        else {
            return None;
        };
        Some(self.is_entry && members[index as usize].binding.as_ref().is_some_and(differs_as))
    }

    fn block(&mut self, block: &Block, divergent: bool) -> Jumps {
        let mut jumps = Jumps::default();
        for (statement, span) in block.span_iter() {
            let found = self.statement(statement, *span, divergent || jumps.any());
            jumps = jumps.and(found);
        }
        jumps
    }

    fn statement(&mut self, statement: &Statement, span: Span, divergent: bool) -> Jumps {
        use Statement as S;
        let none = Jumps::default();
        match *statement {
            S::Block(ref block) => return self.block(block, divergent),
            S::If { condition, ref accept, ref reject } => {
                let divergent = divergent || self.is(condition);
                return self.block(accept, divergent).and(self.block(reject, divergent));
            }
            S::Switch { selector, ref cases } => {
                let divergent = divergent || self.is(selector);
                let bodies =
                    cases.iter().fold(none, |jumps, case| jumps.and(self.block(&case.body, divergent)));
                return Jumps { broke: false, ..bodies };
            }
            S::Loop { ref body, ref continuing, break_if } => {
                return self.loop_body(body, continuing, break_if, divergent);
            }
            S::Break => return Jumps { broke: divergent, ..none },
            S::Continue => return Jumps { continued: divergent, ..none },
            S::Return { value } => {
                self.returns |= divergent || value.is_some_and(|value| self.is(value));
                return Jumps { returned: divergent, ..none };
            }
            S::ControlBarrier(which) if which != Barrier::SUB_GROUP => self.barrier(span, divergent),
            S::WorkGroupUniformLoad { .. } => self.barrier(span, divergent),
            S::Store { pointer, value } if divergent || self.is(value) || self.is(pointer) => {
                if let Some(variable) = pointer::local(self.function, pointer) {
                    self.grew |= self.locals.insert(variable);
                }
            }
            S::Call { function, ref arguments, result } => {
                let Some(callee) = self.known.get(function.index()) else { return none };
                let differs =
                    divergent || callee.differs || arguments.iter().any(|&argument| self.is(argument));
                if callee.barrier {
                    self.barrier(span, divergent);
                }
                if let Some(result) = result.filter(|_| differs) {
                    self.grew |= self.results.insert(result);
                }
            }
            _ => {}
        }
        none
    }

    /// A loop: once some invocations leave it, the others are alone in what is left of it.
    fn loop_body(
        &mut self,
        body: &Block,
        continuing: &Block,
        break_if: Option<Handle<Expression>>,
        divergent: bool,
    ) -> Jumps {
        let divergent = divergent || self.loops.contains(&std::ptr::from_ref(body));
        let in_body = self.block(body, divergent);
        let left = in_body.broke || in_body.returned;
        let after = self.block(continuing, divergent || left);
        if left || break_if.is_some_and(|condition| self.is(condition)) {
            self.grew |= self.loops.insert(std::ptr::from_ref(body));
        }
        Jumps { returned: in_body.returned || after.returned, ..Jumps::default() }
    }

    fn barrier(&mut self, span: Span, divergent: bool) {
        self.barrier = true;
        if divergent {
            self.divergent.get_or_insert(span);
        }
    }
}

/// Whether a built-in value differs between the invocations of a workgroup.
fn differs_as(binding: &Binding) -> bool {
    let Binding::BuiltIn(value) = binding else { return false };
    !matches!(
        value,
        BuiltIn::WorkGroupId
            | BuiltIn::NumWorkGroups
            | BuiltIn::WorkGroupSize
            | BuiltIn::NumSubgroups
            | BuiltIn::SubgroupSize
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line in `body`, from 1, of a barrier that is reached by some invocations only.
    fn line(body: &str) -> Option<usize> {
        let text = format!(
            "@group(0) @binding(0) var<storage, read_write> z: array<f32>; @group(0) @binding(1) var<storage, read> x: array<f32>; \
             var<workgroup> tile: array<f32, 64>; override k: u32 = 4u; fn sync() {{ workgroupBarrier(); }} fn lane(i: u32) -> u32 {{ return i; }} \
             @compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32, @builtin(workgroup_id) g: vec3u) {{ {body} }}"
        );
        let module = naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
        let span = divergent_barrier(&module)?;
        Some(span.location(&text).line_number as usize)
    }

    #[test]
    fn barriers_that_all_reach_are_fine() {
        for body in [
            "tile[i] = x[i]; workgroupBarrier(); z[i] = tile[63u - i];",
            "if (g.x > 1u) { return; } workgroupBarrier();",
            "for (var t = 0u; t < k; t++) { workgroupBarrier(); tile[i] = x[t]; workgroupBarrier(); }",
            "for (var s = 32u; s > 0u; s /= 2u) { if (i < s) { tile[i] += tile[i + s]; } workgroupBarrier(); }",
            "if (i < 3u) { tile[i] = 1.0; } sync(); if (i > 4u) { return; } z[i] = 1.0;",
            "for (var t = i; t < 100u; t += 64u) { tile[i] += x[t]; } workgroupBarrier();",
            "for (var t = 0u; t < 4u; t++) { if (i == t) { continue; } tile[i] = 1.0; } workgroupBarrier();",
            "if (x[g.x] > 0.0) { workgroupBarrier(); }",
            "let t = lane(g.x); if (t > 1u) { sync(); }",
            "switch i { case 0u: { tile[0] = 1.0; break; } default: {} } workgroupBarrier();",
            "if (i > 1u) { subgroupBarrier(); }",
        ] {
            assert_eq!(line(body), None, "{body}");
        }
    }

    #[test]
    fn barriers_that_some_reach_are_found() {
        for (body, at) in [
            ("if (i >= arrayLength(&z)) { return; }\nworkgroupBarrier();", 2),
            ("if (i < 3u) {\nstorageBarrier(); }", 2),
            ("let t = i % 2u; if (t == 0u) { z[i] = 1.0; } else {\n\nworkgroupBarrier(); }", 3),
            ("for (var t = 0u; t < i; t++) {\nworkgroupBarrier(); }", 2),
            ("for (var t = 0u; t < 4u; t++) {\nworkgroupBarrier(); if (i == t) { break; } }", 2),
            ("var t = 0u; if (i > 2u) { t = 1u; } if (t == 0u) {\nworkgroupBarrier(); }", 2),
            ("if (z[g.x] > 0.0) {\nworkgroupBarrier(); }", 2),
            ("if (lane(i) > 1u) {\nsync(); }", 2),
            ("while (true) {\nworkgroupBarrier(); if (tile[i] > 1.0) { return; } }", 2),
            ("if (i > 1u && k > 2u) {\nworkgroupBarrier(); }", 2),
            ("for (var t = 0u; t < 4u; t++) { if (i == t) { continue; }\nworkgroupBarrier(); }", 2),
            ("switch i { case 0u: {\nworkgroupBarrier(); } default: {} }", 2),
        ] {
            assert_eq!(line(body), Some(at), "{body}");
        }
    }
}
