//! What follows from a plan: nothing here is written down anywhere else.

use std::collections::{BTreeMap, BTreeSet};

use super::{BufferId, BufferSpec, Op, PassId, Plan, Step, StepInputs, View};
use crate::kernels::{Source, entry};

/// Bytes of a number.
const NUMBER: u64 = 4;

impl Plan {
    /// The same plan with these passes only.
    pub fn keep(mut self, wanted: impl Fn(PassId) -> bool) -> Self {
        self.passes.retain(|&id, _| wanted(id));
        self
    }

    /// The steps of the passes that `wanted` picks, in order.
    pub fn steps_of(&self, wanted: impl Fn(PassId) -> bool) -> impl Iterator<Item = &Step> {
        let passes = self.passes.iter().filter(move |(id, _)| wanted(**id));
        passes.flat_map(|(_, ops)| ops).filter_map(Op::step)
    }

    /// All steps of all passes.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps_of(|_| true)
    }

    /// The sources that the passes of `wanted` run.
    pub fn sources(&self, wanted: impl Fn(PassId) -> bool) -> Vec<&'static Source> {
        let names: BTreeSet<_> = self.steps_of(wanted).map(|step| (step.kernel, step.source)).collect();
        let source = |(kernel, name)| entry(kernel).sources.iter().find(|source| source.name == name);
        names.into_iter().filter_map(source).collect()
    }

    /// How far a pass moves each counter.
    pub fn counts(&self, pass: PassId) -> BTreeMap<usize, usize> {
        let mut counts = BTreeMap::new();
        for step in self.passes.get(&pass).into_iter().flatten().filter_map(Op::step) {
            if let Some(counter) = step.counter {
                *counts.entry(counter).or_insert(0) += step.sizes.m;
            }
        }
        counts
    }

    /// The buffers that something binds, clears, reads or writes: those that are allocated.
    pub fn used(&self) -> BTreeMap<BufferId, &BufferSpec> {
        let spec = |id: BufferId| (id, &self.buffers[id.0]);
        let mut used: BTreeMap<_, _> = self.views().map(|view| spec(view.buffer)).collect();
        let copied: Vec<_> = used.values().filter_map(|spec| spec.copy_of()).collect();
        used.extend(copied.into_iter().map(spec));
        used
    }

    fn views(&self) -> impl Iterator<Item = View> {
        let of_op = |op: &Op| match op {
            Op::Run(step) => step.bind.values().copied().collect::<Vec<_>>(),
            Op::Clear(view) => vec![*view],
        };
        let host = self.step_inputs.iter().flat_map(StepInputs::views);
        let read = self.report.iter().map(|read| read.view).chain([self.parameters, self.gradients]);
        self.passes.values().flatten().flat_map(of_op).chain(host).chain(read)
    }

    /// Bytes that the plan takes on a device.
    pub fn memory(&self) -> u64 {
        self.used().values().map(|spec| spec.bytes()).sum()
    }

    /// Bytes of the largest buffer; textures are no buffers.
    pub fn largest_buffer(&self) -> u64 {
        let used = self.used();
        let buffers = used.values().filter(|spec| spec.texture_row.is_none());
        buffers.map(|spec| spec.bytes()).max().unwrap_or(0)
    }

    /// Bytes of the largest range of a buffer that a step binds.
    pub fn largest_binding(&self) -> u64 {
        let bound = self.steps().flat_map(|step| step.bind.values());
        let buffers = bound.filter(|view| self.buffers[view.buffer.0].texture_row.is_none());
        buffers.map(|view| view.len as u64 * NUMBER).max().unwrap_or(0)
    }
}

impl BufferSpec {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.len as u64 * NUMBER
    }

    fn copy_of(&self) -> Option<BufferId> {
        match self.start {
            super::Start::CopyOf(buffer) => Some(buffer),
            _ => None,
        }
    }
}

impl StepInputs {
    fn views(&self) -> [View; 4] {
        [self.order, self.shifts, self.rates, self.step]
    }
}

impl Step {
    /// Bytes that the dispatch has to read and write at least: every bound range once.
    pub fn bytes(&self) -> u64 {
        self.bind.values().map(|view| view.len as u64 * NUMBER).sum()
    }
}
