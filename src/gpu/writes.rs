//! How many bytes an invocation writes to each buffer at most.

use std::collections::BTreeMap;

use wgpu::naga::{
    Block, Expression, Function, GlobalVariable, Handle, Module, Statement,
    valid::{FunctionInfo, ModuleInfo},
};

use super::pointer;

/// Bytes by variable; `None` for as many as a loop makes of it.
pub type Writes = BTreeMap<String, Option<u64>>;

type ByVariable = BTreeMap<Handle<GlobalVariable>, Option<u64>>;

/// What one invocation of the entry point writes at most: every store that is in the text, once.
pub fn writes(module: &Module, info: &ModuleInfo) -> Writes {
    // A function comes after those that it calls.
    let mut functions: Vec<ByVariable> = Vec::new();
    for (handle, function) in module.functions.iter() {
        functions.push(of_function(module, function, &info[handle], &functions));
    }
    let Some(entry) = module.entry_points.first() else { return Writes::new() };
    let found = of_function(module, &entry.function, info.get_entry_point(0), &functions);
    let name = |handle: Handle<GlobalVariable>| module.global_variables[handle].name.clone();
    found.into_iter().filter_map(|(handle, bytes)| Some((name(handle)?, bytes))).collect()
}

fn of_function(
    module: &Module,
    function: &Function,
    info: &FunctionInfo,
    functions: &[ByVariable],
) -> ByVariable {
    let mut counter = Counter { module, function, info, functions, found: ByVariable::new() };
    counter.block(&function.body, false);
    counter.found
}

struct Counter<'a> {
    module: &'a Module,
    function: &'a Function,
    info: &'a FunctionInfo,
    functions: &'a [ByVariable],
    found: ByVariable,
}

impl Counter<'_> {
    fn block(&mut self, block: &Block, in_loop: bool) {
        for statement in block.iter() {
            match statement {
                Statement::Block(block) => self.block(block, in_loop),
                Statement::If { accept, reject, .. } => {
                    self.block(accept, in_loop);
                    self.block(reject, in_loop);
                }
                Statement::Switch { cases, .. } => {
                    cases.iter().for_each(|case| self.block(&case.body, in_loop));
                }
                Statement::Loop { body, continuing, .. } => {
                    self.block(body, true);
                    self.block(continuing, true);
                }
                Statement::Store { pointer, value } => self.store(*pointer, *value, in_loop),
                Statement::Atomic { pointer, value, .. } => self.store(*pointer, *value, in_loop),
                Statement::Call { function, arguments, .. } => {
                    for (&variable, &bytes) in self.functions.get(function.index()).into_iter().flatten() {
                        self.add(variable, if in_loop { None } else { bytes });
                    }
                    // What a function writes through a pointer is not known.
                    let pointed: Vec<_> = arguments
                        .iter()
                        .filter_map(|&argument| pointer::global(self.function, argument))
                        .collect();
                    for variable in pointed {
                        self.add(variable, None);
                    }
                }
                _ => {}
            }
        }
    }

    fn store(&mut self, pointer: Handle<Expression>, value: Handle<Expression>, in_loop: bool) {
        if let Some(variable) = pointer::global(self.function, pointer) {
            let kind = self.info[value].ty.inner_with(&self.module.types);
            let bytes = u64::from(kind.size(self.module.to_ctx()));
            self.add(variable, (!in_loop).then_some(bytes));
        }
    }

    fn add(&mut self, variable: Handle<GlobalVariable>, bytes: Option<u64>) {
        let total = self.found.entry(variable).or_insert(Some(0));
        *total = total.zip(bytes).map(|(total, bytes)| total.saturating_add(bytes));
    }
}
