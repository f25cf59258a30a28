//! How often a loop goes round: from a condition that lets it go on, and from what moves a variable of that condition.

use std::collections::HashMap;

use wgpu::naga::{
    BinaryOperator as Op, Block, Expression, Function, Handle, Literal, LocalVariable, Statement,
    UnaryOperator,
};

use super::{
    pointer,
    ranges::{Form, Number, Unknown},
    steps::{Steps, flat, has},
    values::Frame,
};

/// The loop goes on only where `left` is below `right` plus `slack`.
pub struct Guard {
    left: Handle<Expression>,
    right: Handle<Expression>,
    slack: i128,
    /// Whether nothing of the loop comes before it.
    is_first: bool,
}

/// A variable of a condition, as an iteration finds it.
pub struct Counter {
    pub variable: Handle<LocalVariable>,
    /// Its range is what is taken for granted until it is found.
    pub unknown: Unknown,
    pub steps: Steps,
    /// What it is before the loop.
    pub start: Number,
}

/// The conditions that every iteration comes by, without one of which it is the last.
pub fn guards(
    function: &Function,
    (body, continuing): (&Block, &Block),
    break_if: Option<Handle<Expression>>,
) -> Vec<Guard> {
    let mut found = Conditions { function, short: HashMap::new(), guards: Vec::new(), is_first: true };
    for statement in flat(body) {
        // From one that may go on with the next iteration, nothing follows.
        if has(statement, &|inner| matches!(inner, Statement::Continue)) {
            break;
        }
        found.statement(statement);
    }
    found.is_first = false;
    flat(continuing).into_iter().for_each(|statement| found.statement(statement));
    break_if.into_iter().for_each(|condition| found.goes_on(condition, false));
    found.guards
}

/// Whether nothing in a loop can be seen to end it.
pub fn is_endless(function: &Function, body: &Block, break_if: Option<Handle<Expression>>) -> bool {
    let ends = |block: &Block| {
        let leaves = |inner: &Statement| matches!(inner, Statement::Break | Statement::Return { .. });
        block.iter().any(|statement| has(statement, &leaves))
    };
    let exits = flat(body).into_iter().any(|statement| match *statement {
        // `while (true)`
        Statement::If { condition, ref accept, ref reject } => match function.expressions[condition] {
            Expression::Literal(Literal::Bool(holds)) => ends(if holds { accept } else { reject }),
            _ => ends(accept) || ends(reject),
        },
        ref other => ends(&Block::from_vec(vec![other.clone()])),
    });
    !exits && break_if.is_none()
}

/// Collects what lets a loop go on.
struct Conditions<'a> {
    function: &'a Function,
    /// Results of `&&` and `||`: left, right, and the result that needs no right.
    short: HashMap<Handle<LocalVariable>, (Handle<Expression>, Handle<Expression>, bool)>,
    guards: Vec<Guard>,
    is_first: bool,
}

impl Conditions<'_> {
    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Emit(_) => return,
            Statement::If { condition, accept, reject } => {
                let leaves = |block: &Block| {
                    matches!(flat(block).last(), Some(Statement::Break | Statement::Return { .. }))
                };
                match (leaves(accept), leaves(reject)) {
                    (true, false) => return self.goes_on(*condition, false),
                    (false, true) => return self.goes_on(*condition, true),
                    _ if self.short_circuit(*condition, accept, reject) => return,
                    _ => {}
                }
            }
            _ => {}
        }
        // It may store to a result once more.
        self.short.clear();
        self.is_first = false;
    }

    /// naga has `left && right` as `if left { result = right } else { result = false }`, and `||` in the same way.
    fn short_circuit(&mut self, condition: Handle<Expression>, accept: &Block, reject: &Block) -> bool {
        let expressions = &self.function.expressions;
        let stored = |block: &Block| match block.last() {
            Some(&Statement::Store { pointer, value }) => match expressions[pointer] {
                Expression::LocalVariable(variable) => Some((variable, value)),
                _ => None,
            },
            _ => None,
        };
        let (Some((result, right)), Some((other, value))) = (stored(accept), stored(reject)) else {
            return false;
        };
        let Expression::Literal(Literal::Bool(without)) = expressions[value] else { return false };
        let only_stores = |block: &Block| {
            block.iter().rev().skip(1).all(|statement| matches!(statement, Statement::Emit(_)))
        };
        if result == other && reject.len() == 1 && only_stores(accept) {
            self.short.insert(result, (condition, right, without));
        }
        result == other && only_stores(accept)
    }

    /// The loop goes on only where this condition is `truth`.
    fn goes_on(&mut self, condition: Handle<Expression>, truth: bool) {
        match self.function.expressions[condition] {
            Expression::Unary { op: UnaryOperator::LogicalNot, expr } => self.goes_on(expr, !truth),
            Expression::Load { pointer } => {
                let short = pointer::local(self.function, pointer).and_then(|local| self.short.get(&local));
                if let Some(&(left, right, without)) = short
                    && without != truth
                {
                    self.goes_on(left, true);
                    self.goes_on(right, truth);
                }
            }
            Expression::Binary { op, left, right } => {
                let (left, right, slack) = match (op, truth) {
                    (Op::Less, true) | (Op::GreaterEqual, false) => (left, right, 0),
                    (Op::LessEqual, true) | (Op::Greater, false) => (left, right, 1),
                    (Op::Greater, true) | (Op::LessEqual, false) => (right, left, 0),
                    (Op::GreaterEqual, true) | (Op::Less, false) => (right, left, 1),
                    _ => return,
                };
                self.guards.push(Guard { left, right, slack, is_first: self.is_first });
            }
            _ => {}
        }
    }
}

impl Guard {
    /// The variables in its two sides.
    pub fn variables(&self, function: &Function) -> Vec<Handle<LocalVariable>> {
        let (mut found, mut open) = (Vec::new(), vec![self.left, self.right]);
        while let Some(handle) = open.pop() {
            match function.expressions[handle] {
                Expression::Load { pointer } => found.extend(pointer::local(function, pointer)),
                Expression::Binary { left, right, .. } => open.extend([left, right]),
                Expression::As { expr, .. } => open.push(expr),
                Expression::Math { arg, arg1, .. } => open.extend([Some(arg), arg1].into_iter().flatten()),
                _ => {}
            }
        }
        found
    }

    /// How many iterations it lets begin, by what is known in one of them, and the counter in these.
    pub fn iterations(&self, frame: &Frame, counter: &Counter) -> Option<(i128, Number)> {
        let (left, right) = (frame.scalar(self.left)?, frame.scalar(self.right)?);
        let forms = right.upper.iter().flat_map(|upper| left.lower.iter().map(move |lower| (upper, lower)));
        // What must be 1 or more for the loop to go on.
        let rooms = forms.filter_map(|(upper, lower)| upper.plus(lower, -1)?.shifted(self.slack));
        let (least, most) = counter.steps.sizes(frame)?;
        rooms.filter_map(|room| self.within(&room, counter, least, most)).min_by_key(|found| found.0)
    }

    fn within(&self, room: &Form, counter: &Counter, least: i128, most: i128) -> Option<(i128, Number)> {
        let (up, start) = (counter.steps.up, &counter.start);
        let (times, rest) = room.without(counter.unknown.id);
        let each = if up { times.checked_neg()? } else { times };
        let starts = if up { &start.lower } else { &start.upper };
        if each < 1 {
            return None;
        }
        let first = starts.iter().filter_map(|start| rest.plus(start, times)?.high()).min()?;
        let passes = if first < 1 { 0 } else { (first - 1) / (each * least) + 1 };
        let iterations = if self.is_first { passes } else { passes + 1 };
        // The last value that goes on, and the furthest that a step leads from there.
        let (low, high, is_inside) = if up {
            let last = (rest.high()? - 1).div_euclid(each);
            let end = last.checked_add(most)?;
            (
                start.low(),
                Some(if self.is_first && !counter.steps.in_body { last } else { end }),
                counter.unknown.high.is_some_and(|high| end <= high),
            )
        } else {
            let last = -(rest.high()? - 1).div_euclid(each);
            let end = last.checked_sub(most)?;
            (
                Some(if self.is_first && !counter.steps.in_body { last } else { end }),
                start.high(),
                counter.unknown.low.is_some_and(|low| end >= low),
            )
        };
        let mut inside = Number::of(Unknown { low, high, ..counter.unknown });
        if up {
            inside.lower.extend(start.lower.clone())
        } else {
            inside.upper.extend(start.upper.clone())
        }
        is_inside.then_some((iterations, inside))
    }
}
