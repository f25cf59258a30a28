//! What moves a variable from one iteration of a loop to the next.

use std::collections::BTreeSet;

use wgpu::naga::{BinaryOperator as Op, Block, Expression, Function, Handle, LocalVariable, Statement};

use super::{pointer, ranges::Number, values::Frame};

/// What moves a variable in a loop.
pub struct Steps {
    /// Whether it is added to the variable, or else taken away.
    pub up: bool,
    /// Once or more in every iteration.
    always: Vec<Handle<Expression>>,
    /// In some.
    sometimes: Vec<Handle<Expression>>,
    /// Whether some of it is before the end of the body.
    pub in_body: bool,
}

/// The statements of a block, with those of the blocks in it.
pub fn flat<'a>(block: &'a Block) -> Vec<&'a Statement> {
    let inner = |statement: &'a Statement| match statement {
        Statement::Block(block) => flat(block),
        other => vec![other],
    };
    block.iter().flat_map(inner).collect()
}

/// Whether a statement holds one that ends or goes on with the loop around it.
pub fn has(statement: &Statement, wanted: &dyn Fn(&Statement) -> bool) -> bool {
    let any = |block: &Block| block.iter().any(|inner| has(inner, wanted));
    wanted(statement)
        || match statement {
            Statement::Block(block) => any(block),
            Statement::If { accept, reject, .. } => any(accept) || any(reject),
            Statement::Switch { cases, .. } => cases.iter().any(|case| {
                let is_wanted = |inner: &Statement| !matches!(inner, Statement::Break) && wanted(inner);
                case.body.iter().any(|inner| has(inner, &is_wanted))
            }),
            Statement::Loop { body, continuing, .. } => {
                let returns = |inner: &Statement| matches!(inner, Statement::Return { .. }) && wanted(inner);
                [body, continuing].into_iter().any(|block| block.iter().any(|inner| has(inner, &returns)))
            }
            _ => false,
        }
}

/// The variables that blocks change.
pub fn changed(function: &Function, blocks: &[&Block]) -> BTreeSet<Handle<LocalVariable>> {
    let mut found = BTreeSet::new();
    for statement in blocks.iter().flat_map(|block| block.iter()) {
        match statement {
            Statement::Store { pointer, .. } => found.extend(pointer::local(function, *pointer)),
            Statement::Call { arguments, .. } => {
                found.extend(arguments.iter().filter_map(|&argument| pointer::local(function, argument)));
            }
            Statement::Block(block) => found.extend(changed(function, &[block])),
            Statement::If { accept, reject, .. } => found.extend(changed(function, &[accept, reject])),
            Statement::Switch { cases, .. } => {
                found.extend(cases.iter().flat_map(|case| changed(function, &[&case.body])));
            }
            Statement::Loop { body, continuing, .. } => found.extend(changed(function, &[body, continuing])),
            _ => {}
        }
    }
    found
}

/// Whether a block has a loop, or calls what has one.
pub fn has_loop(block: &Block, known: &[bool]) -> bool {
    block.iter().any(|statement| match statement {
        Statement::Loop { .. } => true,
        Statement::Call { function, .. } => known.get(function.index()).copied().unwrap_or(true),
        Statement::Block(block) => has_loop(block, known),
        Statement::If { accept, reject, .. } => has_loop(accept, known) || has_loop(reject, known),
        Statement::Switch { cases, .. } => cases.iter().any(|case| has_loop(&case.body, known)),
        _ => false,
    })
}

impl Steps {
    /// What moves `variable`, if it is nothing but steps in one direction.
    pub fn of(
        function: &Function,
        (body, continuing): (&Block, &Block),
        variable: Handle<LocalVariable>,
    ) -> Option<Steps> {
        let mut found = Collected { function, variable, up: None, always: vec![], sometimes: vec![] };
        found.block(body, true)?;
        let in_body = found.up.is_some();
        found.block(continuing, true)?;
        let Collected { up, always, sometimes, .. } = found;
        Some(Steps { up: up?, always, sometimes, in_body })
    }

    /// The least and the most that an iteration moves; `None` if that may be nothing, or no limit is known.
    pub fn sizes(&self, frame: &Frame) -> Option<(i128, i128)> {
        let sum = |steps: &[Handle<Expression>], bound: fn(&Number) -> Option<i128>| -> Option<i128> {
            steps.iter().map(|&step| bound(&frame.scalar(step)?)).sum()
        };
        let is_up = self
            .sometimes
            .iter()
            .all(|&step| frame.scalar(step).and_then(|number| number.low()).is_some_and(|low| low >= 0));
        let least = sum(&self.always, Number::low)?;
        let most = sum(&self.always, Number::high)?.checked_add(sum(&self.sometimes, Number::high)?)?;
        (is_up && least >= 1).then_some((least, most))
    }
}

struct Collected<'a> {
    function: &'a Function,
    variable: Handle<LocalVariable>,
    up: Option<bool>,
    always: Vec<Handle<Expression>>,
    sometimes: Vec<Handle<Expression>>,
}

impl Collected<'_> {
    /// `None` if the variable is changed in another way.
    fn block(&mut self, block: &Block, mut always: bool) -> Option<()> {
        for statement in flat(block) {
            match statement {
                Statement::Store { pointer, value }
                    if pointer::local(self.function, *pointer) == Some(self.variable) =>
                {
                    self.step(*pointer, *value, always)?;
                }
                Statement::Call { arguments, .. }
                    if arguments.iter().any(|&a| pointer::local(self.function, a) == Some(self.variable)) =>
                {
                    return None;
                }
                Statement::If { accept, reject, .. } => {
                    self.block(accept, false)?;
                    self.block(reject, false)?;
                }
                Statement::Switch { cases, .. } => {
                    cases.iter().try_for_each(|case| self.block(&case.body, false))?;
                }
                Statement::Loop { body, continuing, .. } => self.in_loop(body, continuing)?,
                _ => {}
            }
            always &= !has(statement, &|inner| matches!(inner, Statement::Continue));
        }
        Some(())
    }

    /// A step in a loop inside may be made any number of times.
    fn in_loop(&mut self, body: &Block, continuing: &Block) -> Option<()> {
        let before = self.sometimes.len();
        self.block(body, false)?;
        self.block(continuing, false)?;
        (self.sometimes.len() == before).then_some(())
    }

    fn step(&mut self, pointer: Handle<Expression>, value: Handle<Expression>, always: bool) -> Option<()> {
        let expressions = &self.function.expressions;
        let is_variable = |handle: Handle<Expression>| match expressions[handle] {
            Expression::Load { pointer } => {
                matches!(expressions[pointer], Expression::LocalVariable(found) if found == self.variable)
            }
            _ => false,
        };
        let (up, step) = match expressions[value] {
            Expression::Binary { op: Op::Add, left, right } if is_variable(left) => (true, right),
            Expression::Binary { op: Op::Add, left, right } if is_variable(right) => (true, left),
            Expression::Binary { op: Op::Subtract, left, right } if is_variable(left) => (false, right),
            _ => return None,
        };
        let is_whole = matches!(expressions[pointer], Expression::LocalVariable(_));
        if !is_whole || self.up.is_some_and(|known| known != up) {
            return None;
        }
        self.up = Some(up);
        if always {
            self.always.push(step)
        } else {
            self.sometimes.push(step)
        }
        Some(())
    }
}
