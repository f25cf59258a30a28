//! What ends the making of every plan: room for its counters, and what a report reads back.

use std::collections::BTreeMap;

use super::{Counter, Op, PassId, Plan, PlanKind, PlanRequest, Read, Reported, View, memory::Memory};
use crate::data::Split;

/// Puts a plan together from its parts.
pub(super) fn finish(
    kind: PlanKind,
    request: &PlanRequest,
    mut memory: Memory,
    mut passes: BTreeMap<PassId, Vec<Op>>,
    counters: Vec<Counter>,
    logits: View,
) -> Plan {
    // How many counters there are is known only now that all steps are.
    let seen = View { len: counters.len(), ..memory.flat["samples_seen"] };
    memory.buffers[seen.buffer.0].len = seen.len;
    for op in passes.values_mut().flatten() {
        if let Op::Run(step) = op {
            step.bind.entry("samples_seen").and_modify(|view| *view = seen);
        }
    }
    Plan {
        kind,
        shape: request.shape.clone(),
        optimizer: request.recipe.optimizer,
        report: reads(&memory, seen),
        parameters: memory.flat["parameters"],
        gradients: memory.flat["gradients"],
        step_inputs: memory.step_inputs,
        buffers: memory.buffers,
        passes,
        counters,
        logits,
    }
}

/// The counters, and the totals of each set. Those of the training set add up until they are reported;
/// an evaluation clears its own.
fn reads(memory: &Memory, seen: View) -> Vec<Read> {
    let mut reads = vec![Read { what: Reported::SamplesSeen, view: seen, clear: false }];
    for (&split, samples) in &memory.sets {
        let clear = split == Split::Train;
        reads.push(Read { what: Reported::Loss(split), view: samples.loss_sum, clear });
        reads.push(Read { what: Reported::Correct(split), view: samples.correct_sum, clear });
    }
    reads
}
