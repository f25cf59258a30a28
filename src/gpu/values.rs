//! What is known of the whole numbers of a function, from its arguments, the dispatch and the lengths of buffers.

use std::collections::HashMap;

use wgpu::naga::{
    BinaryOperator as Op, Expression, Function, Handle, Literal, LocalVariable, MathFunction, Module, Range,
    ScalarKind, Type, TypeInner, UnaryOperator, valid::FunctionInfo,
};

use super::{
    launch::{Launch, Value},
    pointer,
    ranges::{Kind, Number},
};

/// A call of a function, and what is known at a place in it.
pub struct Frame<'a> {
    pub module: &'a Module,
    pub function: &'a Function,
    pub info: &'a FunctionInfo,
    pub launch: &'a Launch,
    /// Each argument; of a structure each member.
    pub arguments: Vec<Vec<Value>>,
    pub locals: HashMap<Handle<LocalVariable>, Value>,
    pub values: HashMap<Handle<Expression>, Value>,
    /// What it returns, if anything was returned so far.
    pub returns: Option<Value>,
}

impl<'a> Frame<'a> {
    pub fn new(
        module: &'a Module,
        function: &'a Function,
        info: &'a FunctionInfo,
        launch: &'a Launch,
        arguments: Vec<Vec<Value>>,
    ) -> Self {
        let (locals, values) = Default::default();
        let mut frame = Frame { module, function, info, launch, arguments, locals, values, returns: None };
        for (handle, variable) in function.local_variables.iter() {
            let value = match variable.init {
                Some(init) => frame.value(init),
                None => zero(module, variable.ty),
            };
            frame.locals.insert(handle, value);
        }
        frame
    }

    /// Evaluates these expressions, at their place.
    pub fn emit(&mut self, range: &Range<Expression>) {
        for handle in range.clone() {
            let value = self.evaluate(handle);
            self.values.insert(handle, value);
        }
    }

    /// What was evaluated last of an expression.
    pub fn value(&self, handle: Handle<Expression>) -> Value {
        match (self.values.get(&handle), &self.function.expressions[handle]) {
            (Some(value), _) => value.clone(),
            (
                None,
                Expression::Literal(_)
                | Expression::Constant(_)
                | Expression::ZeroValue(_)
                | Expression::FunctionArgument(_)
                | Expression::Compose { .. }
                | Expression::Splat { .. },
            ) => self.evaluate(handle),
            _ => self.any(handle),
        }
    }

    /// A scalar.
    pub fn scalar(&self, handle: Handle<Expression>) -> Option<Number> {
        match &self.value(handle)[..] {
            [number] => Some(number.clone()),
            _ => None,
        }
    }

    /// The kind of an expression's components, and how many there are.
    pub fn kind(&self, handle: Handle<Expression>) -> Option<(Kind, usize)> {
        kind(self.info[handle].ty.inner_with(&self.module.types))
    }

    fn any(&self, handle: Handle<Expression>) -> Value {
        self.kind(handle).map_or(Value::new(), |(kind, count)| vec![kind.any(); count])
    }

    /// Stores a value; what is stored to a part of a variable is forgotten.
    pub fn store(&mut self, pointer: Handle<Expression>, value: Handle<Expression>) {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => {
                let value = self.value(value);
                self.locals.insert(variable, value);
            }
            _ => {
                pointer::local(self.function, pointer).into_iter().for_each(|variable| self.forget(variable))
            }
        }
    }

    /// Whatever may be in a variable.
    pub fn forget(&mut self, variable: Handle<LocalVariable>) {
        let ty = &self.module.types[self.function.local_variables[variable].ty].inner;
        self.locals.insert(variable, kind(ty).map_or(Value::new(), |(kind, count)| vec![kind.any(); count]));
    }

    fn evaluate(&self, handle: Handle<Expression>) -> Value {
        use Expression as E;
        let found = match self.function.expressions[handle] {
            E::Literal(literal) => number(literal).into_iter().collect(),
            E::Constant(constant) => global(self.module, self.module.constants[constant].init),
            E::ZeroValue(ty) => zero(self.module, ty),
            E::FunctionArgument(at) => match &self.arguments[at as usize][..] {
                [value] => value.clone(),
                _ => Value::new(),
            },
            E::AccessIndex { base, index } => self.member(base, index as usize),
            E::Load { pointer } => self.load(pointer),
            E::Splat { size, value } => self.scalar(value).map_or(Value::new(), |n| vec![n; size as usize]),
            E::Compose { ref components, .. } => {
                components.iter().flat_map(|&component| self.value(component)).collect()
            }
            E::Swizzle { size, vector, pattern } => {
                let value = self.value(vector);
                let picked = pattern[..size as usize].iter().map(|&at| value.get(at as usize).cloned());
                picked.collect::<Option<_>>().unwrap_or_default()
            }
            E::ArrayLength(pointer) => self.length(pointer),
            _ if self.kind(handle).is_none() => Value::new(),
            _ => self.each(handle),
        };
        match self.kind(handle) {
            Some((_, count)) if found.len() == count => found,
            _ => self.any(handle),
        }
    }

    /// The result of an operation on each component.
    fn each(&self, handle: Handle<Expression>) -> Value {
        let Some((kind, count)) = self.kind(handle) else { return Value::new() };
        let of = |operand: Handle<Expression>| -> Box<dyn Fn(usize) -> Option<Number>> {
            let value = self.value(operand);
            Box::new(move |at| if value.len() == 1 { value.first() } else { value.get(at) }.cloned())
        };
        let operation: Box<dyn Fn(usize) -> Option<Number>> = match self.function.expressions[handle] {
            Expression::Binary { op, left, right } => {
                let (left, right) = (of(left), of(right));
                Box::new(move |at| self.binary(kind, op, &left(at)?, &right(at)?))
            }
            Expression::Unary { op, expr } => {
                let (operand, all) = (of(expr), if op == UnaryOperator::LogicalNot { 1 } else { 0 });
                let is_known = op != UnaryOperator::BitwiseNot;
                Box::new(move |at| is_known.then(|| Some(Number::constant(all).minus(&operand(at)?)))?)
            }
            Expression::Select { condition, accept, reject } => {
                let (condition, accept, reject) = (of(condition), of(accept), of(reject));
                Box::new(move |at| match condition(at).and_then(|number| number.exact()) {
                    Some(0) => reject(at),
                    Some(_) => accept(at),
                    None => Some(accept(at)?.or(&reject(at)?)),
                })
            }
            Expression::As { expr, kind: ScalarKind::Uint | ScalarKind::Sint, .. } => of(expr),
            Expression::Math { fun: MathFunction::Clamp, arg, arg1: Some(low), arg2: Some(high), .. } => {
                let (arg, low, high) = (of(arg), of(low), of(high));
                Box::new(move |at| Some(arg(at)?.max(&low(at)?).min(&high(at)?)))
            }
            Expression::Math { fun: MathFunction::Min, arg, arg1: Some(other), .. } => {
                let (arg, other) = (of(arg), of(other));
                Box::new(move |at| Some(arg(at)?.min(&other(at)?)))
            }
            Expression::Math { fun: MathFunction::Max, arg, arg1: Some(other), .. } => {
                let (arg, other) = (of(arg), of(other));
                Box::new(move |at| Some(arg(at)?.max(&other(at)?)))
            }
            _ => return self.any(handle),
        };
        (0..count).map(|at| operation(at).map_or(kind.any(), |number| kind.holds(number))).collect()
    }

    fn binary(&self, kind: Kind, op: Op, left: &Number, right: &Number) -> Option<Number> {
        // What is below 0 is not followed but in sums.
        let is_natural = left.low()? >= 0 && right.low()? >= 0;
        let bounded = |high: Option<i128>| self.launch.number(0, high);
        Some(match op {
            Op::Add => left.plus(right),
            Op::Subtract => left.minus(right),
            Op::Multiply if is_natural => match (left.exact(), right.exact()) {
                (_, Some(times)) => left.scaled(times),
                (Some(times), _) => right.scaled(times),
                _ => bounded(left.high()?.checked_mul(right.high()?)),
            },
            Op::Divide if is_natural => match (right.exact(), right.low()?) {
                (Some(1), _) => left.clone(),
                (Some(by), _) if by > 0 => {
                    self.launch.number(left.low()? / by, left.high().map(|high| high / by)).at_most(left)
                }
                (_, by) => bounded(left.high().map(|high| high / by.max(1))).at_most(left),
            },
            Op::Modulo if is_natural => {
                let of_right = right.high().map(|high| (high - 1).max(0));
                bounded(least(left.high(), of_right)).at_most(left)
            }
            Op::ShiftLeft if is_natural => left.scaled(1 << right.exact()?.min(64)),
            Op::ShiftRight if is_natural => {
                bounded(left.high().map(|high| high >> right.low().unwrap_or(0).min(64))).at_most(left)
            }
            Op::And if is_natural => bounded(least(left.high(), right.high())).at_most(left).at_most(right),
            Op::InclusiveOr | Op::ExclusiveOr if is_natural && kind != Kind::BOOL => {
                bounded(left.high().zip(right.high()).map(|(one, two)| one + two))
            }
            Op::Less => is_below(left, right, 0)?,
            Op::LessEqual => is_below(left, right, 1)?,
            Op::Greater => is_below(right, left, 0)?,
            Op::GreaterEqual => is_below(right, left, 1)?,
            _ => return None,
        })
    }

    fn member(&self, base: Handle<Expression>, index: usize) -> Value {
        match self.function.expressions[base] {
            Expression::FunctionArgument(at) if self.arguments[at as usize].len() > 1 => {
                self.arguments[at as usize][index].clone()
            }
            _ => self.value(base).get(index).cloned().into_iter().collect(),
        }
    }

    fn load(&self, pointer: Handle<Expression>) -> Value {
        match self.function.expressions[pointer] {
            Expression::LocalVariable(variable) => self.locals[&variable].clone(),
            Expression::AccessIndex { base, index } => match self.function.expressions[base] {
                Expression::LocalVariable(variable) => {
                    self.locals[&variable].get(index as usize).cloned().into_iter().collect()
                }
                _ => Value::new(),
            },
            _ => Value::new(),
        }
    }

    fn length(&self, pointer: Handle<Expression>) -> Value {
        let Expression::GlobalVariable(variable) = self.function.expressions[pointer] else {
            return Value::new();
        };
        let length = self.launch.lengths.get(&variable);
        length.map(|&length| Number::constant(length.into())).into_iter().collect()
    }
}

fn least(one: Option<i128>, two: Option<i128>) -> Option<i128> {
    one.into_iter().chain(two).min()
}

/// Whether one number is below another one plus `slack`, where that is known.
fn is_below(one: &Number, other: &Number, slack: i128) -> Option<Number> {
    let holds = one.most_above(other).is_some_and(|most| most < slack);
    let fails = other.most_above(one).is_some_and(|most| most + slack <= 0);
    (holds || fails).then(|| Number::constant(holds.into()))
}

pub fn kind(ty: &TypeInner) -> Option<(Kind, usize)> {
    let (scalar, count) = match *ty {
        TypeInner::Scalar(scalar) => (scalar, 1),
        TypeInner::Vector { size, scalar } => (scalar, size as usize),
        _ => return None,
    };
    match (scalar.kind, scalar.width) {
        (ScalarKind::Uint, 4) => Some((Kind::U32, count)),
        (ScalarKind::Sint, 4) => Some((Kind::I32, count)),
        (ScalarKind::Bool, _) => Some((Kind::BOOL, count)),
        _ => None,
    }
}

fn zero(module: &Module, ty: Handle<Type>) -> Value {
    kind(&module.types[ty].inner).map_or(Value::new(), |(_, count)| vec![Number::constant(0); count])
}

fn number(literal: Literal) -> Option<Number> {
    match literal {
        Literal::U32(value) => Some(Number::constant(value.into())),
        Literal::I32(value) => Some(Number::constant(value.into())),
        Literal::Bool(value) => Some(Number::constant(value.into())),
        _ => None,
    }
}

/// A constant of the module.
fn global(module: &Module, handle: Handle<Expression>) -> Value {
    match module.global_expressions[handle] {
        Expression::Literal(literal) => number(literal).into_iter().collect(),
        Expression::Constant(constant) => global(module, module.constants[constant].init),
        Expression::ZeroValue(ty) => zero(module, ty),
        Expression::Compose { ref components, .. } => {
            components.iter().flat_map(|&component| global(module, component)).collect()
        }
        Expression::Splat { size, value } => match &global(module, value)[..] {
            [number] => vec![number.clone(); size as usize],
            _ => Value::new(),
        },
        _ => Value::new(),
    }
}
