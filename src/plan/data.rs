//! What is computed, as data: buffers, and passes made of steps. Nothing here knows a GPU, so a plan can be
//! printed, compared, written as JSON, and compiled as often as wanted.

use std::{collections::BTreeMap, fmt};

use serde::{Serialize, Serializer};

use super::PlanKind;
use crate::{data::Split, gpu::Element, kernels::Sizes, net::Shape, recipe::Optimizer};

/// All that a training runs and holds on a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// How an iteration is computed.
    pub kind: PlanKind,
    /// The network.
    pub shape: Shape,
    /// From the gradients to new parameters.
    pub optimizer: Optimizer,
    /// Memory, in the order in which it is allocated. What no pass uses is not allocated.
    pub buffers: Vec<BufferSpec>,
    /// What can be submitted.
    pub passes: BTreeMap<PassId, Vec<Op>>,
    /// Sums over samples that are counted; the place of each is its number in `samples_seen`.
    pub counters: Vec<Counter>,
    /// What the host writes ahead of the steps; `None` if all steps are alike.
    pub step_inputs: Option<StepInputs>,
    /// What is read back with a report, in this order.
    pub report: Vec<Read>,
    /// All parameters, laid out by [`crate::net::Layout`].
    pub parameters: View,
    /// The mean gradients of the last iteration in the same places; zeros if no kernel keeps them.
    pub gradients: View,
    /// z of the last layer for every test sample, (samples, padded classes): what [`PassId::Predict`] leaves.
    pub logits: View,
}

/// A place in [`Plan::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BufferId(pub usize);

/// Memory of one kind of number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BufferSpec {
    /// What it holds, such as `z of layer 0`.
    pub name: String,
    /// The kind of number.
    pub element: Element,
    /// Numbers.
    pub len: usize,
    /// What it holds at first.
    pub start: Start,
    /// Texels in a row, if it is a texture; `None` for a buffer.
    pub texture_row: Option<usize>,
}

/// What a buffer holds at first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Start {
    /// Zeros.
    Zeros,
    /// The initial parameters, laid out by [`crate::net::Layout`].
    Parameters,
    /// The pixels of a set, four to a number, each picture padded with zeros to this many.
    Pixels(Split, usize),
    /// The labels of a set.
    Labels(Split),
    /// These numbers.
    Values(Vec<f32>),
    /// What another buffer holds at first.
    CopyOf(BufferId),
}

/// A range of a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// The first number.
    pub start: usize,
    /// Numbers.
    pub len: usize,
}

impl View {
    /// `len` numbers of this view from its number `start` on.
    pub fn part(self, start: usize, len: usize) -> Self {
        debug_assert!(start + len <= self.len, "a part of a view beyond its end");
        View { start: self.start + start, len, ..self }
    }
}

/// What can be submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PassId {
    /// One iteration, of mini-batches a full one.
    Iterate,
    /// The last iteration of an epoch, if its batch has fewer samples.
    IterateShort,
    /// An iteration that adds its loss and its correct predictions to the totals of the training set.
    IterateWithMetrics,
    /// A forward pass over a set, and its loss and correct predictions.
    Evaluate(Split),
    /// A forward pass over the test set that leaves its logits.
    Predict,
}

impl PassId {
    /// Whether the pass changes the parameters.
    pub fn trains(self) -> bool {
        matches!(self, PassId::Iterate | PassId::IterateShort | PassId::IterateWithMetrics)
    }
}

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PassId::Iterate => f.write_str("iterate"),
            PassId::IterateShort => f.write_str("iterate-short"),
            PassId::IterateWithMetrics => f.write_str("iterate-with-metrics"),
            PassId::Evaluate(split) => write!(f, "evaluate-{}", split.name()),
            PassId::Predict => f.write_str("predict"),
        }
    }
}

impl Serialize for PassId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that a pass does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Run a kernel.
    Run(Step),
    /// Fill with zeros.
    Clear(View),
}

impl Op {
    /// The step, if it is one.
    pub fn step(&self) -> Option<&Step> {
        match self {
            Op::Run(step) => Some(step),
            Op::Clear(_) => None,
        }
    }
}

/// One dispatch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The registered kernel.
    pub kernel: &'static str,
    /// The registered source: the kernel, or a variant such as `matmul.tiled`.
    pub source: &'static str,
    /// Its sizes, in the meaning that the kernel's cases give them.
    pub sizes: Sizes,
    /// A value for each override of the file.
    pub overrides: BTreeMap<&'static str, f64>,
    /// The layer, from 0, if it computes one.
    pub layer: Option<usize>,
    /// What each variable of the file is bound to.
    pub bind: BTreeMap<&'static str, View>,
    /// The place in [`Plan::counters`] that goes on by the samples of `sizes`.
    pub counter: Option<usize>,
}

/// A sum over samples that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counter {
    /// The kernel that sums.
    pub kernel: &'static str,
    /// The layer it sums for.
    pub layer: Option<usize>,
    /// The set whose metrics it sums.
    pub split: Option<Split>,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel)?;
        self.layer.map_or(Ok(()), |layer| write!(f, " of layer {layer}"))?;
        self.split.map_or(Ok(()), |split| write!(f, " of the {} samples", split.name()))
    }
}

/// What the host writes ahead of many steps; a step counter on the device says which one is next.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepInputs {
    /// The most steps at once.
    pub steps: usize,
    /// Samples in their order, a batch for each step; empty without batches.
    pub order: View,
    /// The shift of each; empty if nothing is shifted.
    pub shifts: View,
    /// The learning rate of each step, and corrections: four numbers.
    pub rates: View,
    /// How many of these steps are done.
    pub step: View,
}

/// One thing that a report reads back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Read {
    /// What it is.
    pub what: Reported,
    /// Where it is.
    pub view: View,
    /// Whether it is set to 0 afterwards: it adds up from report to report.
    pub clear: bool,
}

/// What a report reads back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Reported {
    /// The counters of samples.
    SamplesSeen,
    /// Sums of the losses of a set, which add up.
    Loss(Split),
    /// The correct predictions of a set, and how many additions there were.
    Correct(Split),
}
