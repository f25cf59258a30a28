// softmax_cross_entropy: the end of the forward and the start of the backward pass, for K classes.
//   p = exp(z - max z) / sum exp(z - max z)      softmax, safe from overflow
//   y = 1 - smoothing at the label, and smoothing / K more at every class
//   loss = -sum y ln p = ln(sum exp(z - max z)) - sum y (z - max z)
//   dz = p - y                                   its gradient; 1/m comes later, in reduce_gradient
//   hit = 1 where the largest z is at the label; of equal ones the lowest class counts
// One invocation takes a sample. The rows of y are never stored. (smoothing as PyTorch's
// label_smoothing: 0 leaves y one-hot.)

const WORKGROUP = 64u; // invocations a workgroup

override classes: u32;   // K, outputs that count; the rest of n is padding, and its dz is 0
override n: u32;         // classes, padded to a multiple of 4
override smoothing: f32; // probability that is spread over all classes

@group(0) @binding(0) var<storage, read>       z: array<f32>;      // (m, n) logits
@group(0) @binding(1) var<storage, read>       labels: array<u32>; // (m)
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;     // (m, n)
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;   // (m)
@group(0) @binding(4) var<storage, read_write> correct: array<u32>;    // (m)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = flat_index(id, groups, WORKGROUP);
  if (row >= arrayLength(&loss)) { return; }
  let first = row * n;
  let label = labels[row];
  let share = smoothing / f32(classes);

  var best = 0u;
  var top = z[first];
  for (var c = 1u; c < classes; c++) {
    let value = z[first + c];
    if (value > top) {
      top = value;
      best = c;
    }
  }
  var total = 0.0;
  var below = 0.0;
  for (var c = 0u; c < classes; c++) {
    let value = z[first + c] - top;
    total += exp(value);
    below += value;
  }
  for (var c = 0u; c < n; c++) {
    let rest = exp(z[first + c] - top) / total - share;
    dz[first + c] = select(0.0, select(rest, rest - (1.0 - smoothing), c == label), c < classes);
  }
  var target_sum = (1.0 - smoothing) * (z[first + label] - top);
  // Not where it is 0: times an infinite z it would be NaN.
  if (smoothing > 0.0) { target_sum += share * below; }
  loss[row] = log(total) - target_sum;
  correct[row] = select(0u, 1u, best == label);
}
