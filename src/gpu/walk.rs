//! A walk through what an invocation does, as far as it decides how often loops go round.

use std::collections::{BTreeMap, BTreeSet};

use wgpu::naga::{
    Block, Expression, Function, Handle, LocalVariable, Module, Span, Statement, TypeInner,
    valid::{FunctionInfo, ModuleInfo},
};

use super::{
    counted::{Counter, Guard, guards, is_endless},
    launch::{Launch, Value},
    pointer,
    ranges::Number,
    steps::{Steps, changed, has_loop},
    values::{Frame, kind},
};

/// Most statements that are looked through, each as often as it is called from elsewhere.
const MAX_WORK: usize = 1_000_000;
/// Most blocks and calls inside one another.
const MAX_DEPTH: usize = 300;

/// How far a counter is taken to go until that is known: first so far that its multiples do not wrap around.
const REACHES: [i128; 2] = [1 << 28, 1 << 32];

/// A loop of a text, whatever calls it.
pub struct Found {
    pub span: Span,
    /// Iterations of an invocation at most, over all times that it comes to it.
    pub iterations: u64,
    /// Whether it may make more, as not all can be seen that decides it.
    pub is_open: bool,
    /// Whether nothing can be seen to end it.
    pub is_endless: bool,
}

/// The loops of the entry point and of what it calls, in the order of the text; `None` if there is too much to look
/// through. A loop that no invocation reaches is left out.
pub fn walk(module: &Module, info: &ModuleInfo, launch: &Launch) -> Option<Vec<Found>> {
    let mut has_loops = Vec::new();
    for (_, function) in module.functions.iter() {
        let found = has_loop(&function.body, &has_loops);
        has_loops.push(found);
    }
    let entry = module.entry_points.first()?;
    let arguments = entry.function.arguments.iter().map(|argument| match &module.types[argument.ty].inner {
        TypeInner::Struct { members, .. } => {
            members.iter().map(|member| launch.built_in(member.binding.as_ref())).collect()
        }
        _ => vec![launch.built_in(argument.binding.as_ref())],
    });
    let function = &entry.function;
    let mut frame = Frame::new(module, function, info.get_entry_point(0), launch, arguments.collect());
    let mut walk = Walk { module, info, launch, has_loops, found: BTreeMap::new(), work: 0, depth: 0 };
    walk.block(&mut frame, &function.body, Some(Times { count: 1, is_open: false }));
    (walk.work <= MAX_WORK).then(|| walk.found.into_values().collect())
}

/// How often an invocation comes to a place.
#[derive(Clone, Copy)]
struct Times {
    count: u64,
    is_open: bool,
}

struct Walk<'a> {
    module: &'a Module,
    info: &'a ModuleInfo,
    launch: &'a Launch,
    /// For each function whether it has loops, or calls what has some.
    has_loops: Vec<bool>,
    /// By the first bytes of the loops.
    found: BTreeMap<usize, Found>,
    work: usize,
    depth: usize,
}

/// What counts the iterations of a loop.
struct Counted {
    variable: Handle<LocalVariable>,
    /// Iterations at most.
    iterations: i128,
    /// The variable in these.
    inside: Number,
}

/// The parts of a loop.
#[derive(Clone, Copy)]
struct Loop<'a> {
    body: &'a Block,
    continuing: &'a Block,
    break_if: Option<Handle<Expression>>,
    span: Span,
}

impl<'a> Walk<'a> {
    /// Follows a block that is come to so often; without `times` for what it does to values only. Whether it is left
    /// at its end.
    fn block(&mut self, frame: &mut Frame<'a>, block: &'a Block, times: Option<Times>) -> bool {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.work = MAX_WORK + 1;
        }
        let mut goes_on = true;
        for (statement, &span) in block.span_iter() {
            self.work += 1;
            if !goes_on || self.work > MAX_WORK {
                break;
            }
            goes_on = self.statement(frame, statement, span, times);
        }
        self.depth -= 1;
        goes_on
    }

    fn statement(
        &mut self,
        frame: &mut Frame<'a>,
        statement: &'a Statement,
        span: Span,
        times: Option<Times>,
    ) -> bool {
        match statement {
            Statement::Emit(range) => frame.emit(range),
            Statement::Store { pointer, value } => frame.store(*pointer, *value),
            Statement::Block(block) => return self.block(frame, block, times),
            Statement::If { condition, accept, reject } => {
                return self.branches(frame, *condition, [accept, reject], times);
            }
            Statement::Switch { cases, .. } => {
                let before = frame.locals.clone();
                for case in cases {
                    frame.locals.clone_from(&before);
                    self.block(frame, &case.body, times);
                }
                frame.locals = before;
                cases.iter().for_each(|case| forget_changed(frame, &case.body));
            }
            &Statement::Loop { ref body, ref continuing, break_if } => {
                self.a_loop(frame, Loop { body, continuing, break_if, span }, times);
            }
            Statement::Call { function, arguments, result } => {
                let value = self.call(frame, *function, arguments, times);
                for &argument in arguments {
                    pointer::local(frame.function, argument).into_iter().for_each(|v| frame.forget(v));
                }
                if let Some(result) = *result {
                    match value {
                        Some(value) => drop(frame.values.insert(result, value)),
                        None => drop(frame.values.remove(&result)),
                    }
                }
            }
            Statement::Return { value } => {
                let value = value.map_or(Value::new(), |value| frame.value(value));
                frame.returns = Some(match frame.returns.take() {
                    Some(other) => either(&other, &value),
                    None => value,
                });
                return false;
            }
            Statement::Break | Statement::Continue => return false,
            _ => {}
        }
        true
    }

    fn branches(
        &mut self,
        frame: &mut Frame<'a>,
        condition: Handle<Expression>,
        [accept, reject]: [&'a Block; 2],
        times: Option<Times>,
    ) -> bool {
        match frame.scalar(condition).and_then(|number| number.exact()) {
            Some(0) => return self.block(frame, reject, times),
            Some(_) => return self.block(frame, accept, times),
            None => {}
        }
        let before = frame.locals.clone();
        let one = self.block(frame, accept, times);
        let after = std::mem::replace(&mut frame.locals, before);
        let other = self.block(frame, reject, times);
        match (one, other) {
            (true, true) => {
                for (variable, value) in &mut frame.locals {
                    *value = either(value, &after[variable]);
                }
            }
            (true, false) => frame.locals = after,
            _ => {}
        }
        one || other
    }

    /// What a call returns, if that is known.
    fn call(
        &mut self,
        frame: &Frame<'a>,
        function: Handle<Function>,
        arguments: &[Handle<Expression>],
        times: Option<Times>,
    ) -> Option<Value> {
        let callee = &self.module.functions[function];
        let returns_numbers =
            callee.result.as_ref().is_some_and(|result| kind(&self.module.types[result.ty].inner).is_some());
        let counts = times.is_some() && self.has_loops[function.index()];
        if !returns_numbers && !counts {
            return None;
        }
        let arguments = arguments.iter().map(|&argument| vec![frame.value(argument)]).collect();
        let info: &FunctionInfo = &self.info[function];
        let mut inner = Frame::new(self.module, callee, info, self.launch, arguments);
        self.block(&mut inner, &callee.body, times);
        inner.returns.filter(|_| self.work <= MAX_WORK)
    }

    fn a_loop(&mut self, frame: &mut Frame<'a>, this: Loop<'a>, times: Option<Times>) {
        let changed = changed(frame.function, &[this.body, this.continuing]);
        let before = frame.locals.clone();
        let forget = |frame: &mut Frame<'a>| changed.iter().for_each(|&variable| frame.forget(variable));
        if let Some(times) = times {
            let best = REACHES.into_iter().find_map(|reach| {
                frame.locals.clone_from(&before);
                self.count(frame, this, &changed, reach)
            });
            let iterations =
                best.as_ref().map(|counted| u64::try_from(counted.iterations).unwrap_or(u64::MAX));
            let inside = self.note(frame.function, this, times, iterations);
            frame.locals.clone_from(&before);
            forget(frame);
            if let Some(counted) = best {
                frame.locals.insert(counted.variable, vec![counted.inside]);
            }
            if iterations != Some(0) {
                self.iteration(frame, this, Some(inside));
            }
        } else {
            forget(frame);
            self.iteration(frame, this, None);
        }
        frame.locals = before;
        forget(frame);
    }

    fn iteration(&mut self, frame: &mut Frame<'a>, this: Loop<'a>, times: Option<Times>) {
        self.block(frame, this.body, times);
        self.block(frame, this.continuing, times);
    }

    /// What counts the iterations, by an iteration in which the counters are below `reach`, whatever else has changed.
    fn count(
        &mut self,
        frame: &mut Frame<'a>,
        this: Loop<'a>,
        changed: &BTreeSet<Handle<LocalVariable>>,
        reach: i128,
    ) -> Option<Counted> {
        let guards = guards(frame.function, (this.body, this.continuing), this.break_if);
        let counters = self.counters(frame, this, &guards, reach);
        changed.iter().for_each(|&variable| frame.forget(variable));
        for counter in &counters {
            frame.locals.insert(counter.variable, vec![Number::of(counter.unknown)]);
        }
        self.iteration(frame, this, None);
        let frame = &*frame;
        let found = counters.iter().flat_map(|counter| {
            guards.iter().filter_map(move |guard| {
                let (iterations, inside) = guard.iterations(frame, counter)?;
                Some(Counted { variable: counter.variable, iterations, inside })
            })
        });
        found.min_by_key(|counted| counted.iterations)
    }

    /// The variables that may count the iterations.
    fn counters(&self, frame: &Frame<'a>, this: Loop<'a>, guards: &[Guard], reach: i128) -> Vec<Counter> {
        let variables: BTreeSet<_> =
            guards.iter().flat_map(|guard| guard.variables(frame.function)).collect();
        let counter = |variable: Handle<LocalVariable>| {
            let ty = &self.module.types[frame.function.local_variables[variable].ty].inner;
            let (kind, 1) = kind(ty)? else { return None };
            let steps = Steps::of(frame.function, (this.body, this.continuing), variable)?;
            let start = frame.locals[&variable].first()?.clone();
            let (least, most) = (kind.min.max(-reach), kind.max.min(reach));
            let is_within = |bound: Option<i128>, of_kind: i128| {
                of_kind.abs() <= reach || bound.is_some_and(|bound| bound.abs() <= reach)
            };
            let (low, high) = if steps.up {
                is_within(start.high(), kind.max).then_some((start.low(), Some(most)))?
            } else {
                is_within(start.low(), kind.min).then_some((Some(least), start.high()))?
            };
            Some(Counter { variable, unknown: self.launch.unknown(low, high), steps, start })
        };
        variables.into_iter().filter_map(counter).collect()
    }

    /// Adds to what is found of a loop. How often its body is come to.
    fn note(&mut self, function: &Function, this: Loop, times: Times, iterations: Option<u64>) -> Times {
        let inside = Times {
            count: times.count.saturating_mul(iterations.unwrap_or(1)),
            is_open: times.is_open || iterations.is_none(),
        };
        // The pass that ends a loop counts, too; but for the first time, it is left to the room below the limit.
        let more = inside.count.saturating_add(times.count.saturating_sub(1));
        let first = this.span.to_range().map_or(0, |bytes| bytes.start);
        let known = self.found.entry(first).or_insert(Found {
            span: this.span,
            iterations: 0,
            is_open: false,
            is_endless: is_endless(function, this.body, this.break_if),
        });
        known.iterations = known.iterations.saturating_add(more);
        known.is_open |= inside.is_open;
        inside
    }
}

/// One of two values.
fn either(one: &Value, other: &Value) -> Value {
    if one.len() != other.len() {
        return Value::new();
    }
    one.iter().zip(other).map(|(one, other)| one.or(other)).collect()
}

fn forget_changed(frame: &mut Frame, block: &Block) {
    changed(frame.function, &[block]).into_iter().for_each(|variable| frame.forget(variable));
}
