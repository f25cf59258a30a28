// partial_metrics: loss and correct predictions of every ROWS samples, the first of two steps to their totals.
// One invocation adds up ROWS samples in order, and counts them: the host checks the count.

const WORKGROUP = 64u; // invocations a workgroup
const ROWS = 256u;     // samples an invocation

override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       loss: array<f32>;          // (m)
@group(0) @binding(1) var<storage, read>       correct: array<u32>;           // (m)
@group(0) @binding(2) var<storage, read_write> loss_partials: array<f32>; // (m / ROWS, rounded up)
@group(0) @binding(3) var<storage, read_write> correct_partials: array<u32>;  // (m / ROWS, rounded up)
@group(0) @binding(4) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&loss);
  let i = flat_index(id, groups, WORKGROUP);
  if (i * ROWS >= m) { return; }

  var loss_sum = 0.0;
  var correct_sum = 0u;
  var seen = 0u;
  for (var row = i * ROWS; row < min((i + 1u) * ROWS, m); row++) {
    loss_sum += loss[row];
    correct_sum += correct[row];
    seen++;
  }
  loss_partials[i] = loss_sum;
  correct_partials[i] = correct_sum;
  atomicAdd(&samples_seen[counter], seen);
}
