//! What a pointer points into.

use wgpu::naga::{Expression, Function, GlobalVariable, Handle, LocalVariable};

/// The variable or argument that a pointer points into, whatever part of it.
fn root(function: &Function, mut pointer: Handle<Expression>) -> &Expression {
    while let Expression::Access { base, .. } | Expression::AccessIndex { base, .. } =
        function.expressions[pointer]
    {
        pointer = base;
    }
    &function.expressions[pointer]
}

/// The function's variable that a pointer points into.
pub fn local(function: &Function, pointer: Handle<Expression>) -> Option<Handle<LocalVariable>> {
    match *root(function, pointer) {
        Expression::LocalVariable(variable) => Some(variable),
        _ => None,
    }
}

/// The module's variable that a pointer points into.
pub fn global(function: &Function, pointer: Handle<Expression>) -> Option<Handle<GlobalVariable>> {
    match *root(function, pointer) {
        Expression::GlobalVariable(variable) => Some(variable),
        _ => None,
    }
}
