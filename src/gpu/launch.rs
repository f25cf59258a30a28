//! How a shader is dispatched: what the values that its entry point is given may be.

use std::{cell::Cell, collections::HashMap};

use wgpu::naga::{Binding, BuiltIn, GlobalVariable, Handle};

use super::ranges::{Number, Unknown};

/// The components of a scalar or vector; `None` if they are no whole numbers, or it is something else.
pub type Value = Vec<Number>;

/// Most lanes of a subgroup.
const MAX_LANES: i128 = 128;

/// What is known of a dispatch.
pub struct Launch {
    /// Workgroups along x, y, z.
    pub grid: [u32; 3],
    /// Invocations of one along x, y, z.
    pub size: [u32; 3],
    /// Elements of each buffer.
    pub lengths: HashMap<Handle<GlobalVariable>, u64>,
    next: Cell<u32>,
}

impl Launch {
    pub fn new(grid: [u32; 3], size: [u32; 3], lengths: HashMap<Handle<GlobalVariable>, u64>) -> Self {
        Launch { grid, size, lengths, next: Cell::new(0) }
    }

    /// An unknown of its own.
    pub fn unknown(&self, low: Option<i128>, high: Option<i128>) -> Unknown {
        let id = self.next.get();
        self.next.set(id + 1);
        Unknown { id, low, high }
    }

    /// A number that is all that is known of itself.
    pub fn number(&self, low: i128, high: Option<i128>) -> Number {
        match high {
            Some(high) if high > low => Number::of(self.unknown(Some(low), Some(high))),
            high => Number::between(Some(low), high),
        }
    }

    /// The value of an argument of the entry point.
    pub fn built_in(&self, binding: Option<&Binding>) -> Value {
        let Some(&Binding::BuiltIn(built_in)) = binding else { return Value::new() };
        let below = |count: i128| self.number(0, Some(count - 1));
        let [grid, size] = [self.grid, self.size].map(|sides| sides.map(i128::from));
        let invocations: i128 = size.iter().product();
        match built_in {
            BuiltIn::GlobalInvocationId => (0..3).map(|at| below(grid[at] * size[at])).collect(),
            BuiltIn::LocalInvocationId => (0..3).map(|at| below(size[at])).collect(),
            BuiltIn::WorkGroupId => (0..3).map(|at| below(grid[at])).collect(),
            BuiltIn::NumWorkGroups => grid.map(Number::constant).to_vec(),
            BuiltIn::LocalInvocationIndex | BuiltIn::SubgroupId => vec![below(invocations)],
            BuiltIn::SubgroupInvocationId => vec![below(MAX_LANES)],
            BuiltIn::SubgroupSize => vec![self.number(1, Some(MAX_LANES))],
            BuiltIn::NumSubgroups => vec![self.number(1, Some(invocations))],
            _ => Value::new(),
        }
    }
}
