// softmax_cross_entropy: the end of the forward and the start of the backward pass.
//   p = exp(z - max z) / sum exp(z - max z)      softmax, safe from overflow
//   loss = -ln p[label] = ln(sum exp(z - max z)) - (z[label] - max z)
//   dz = p - 1 at the label, p elsewhere         its gradient; 1/m comes later, in reduce_gradient
//   hit = 1 where the largest z is at the label; of equal ones the lowest class counts
// One invocation takes a sample. One-hot rows are never stored: 1 is subtracted at the label.

const WORKGROUP = 64u; // invocations a workgroup

override classes: u32; // outputs that count; the rest of n is padding, and its dz is 0
override n: u32;       // classes, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       z: array<f32>;      // (m, n) logits
@group(0) @binding(1) var<storage, read>       labels: array<u32>; // (m)
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;     // (m, n)
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;   // (m)
@group(0) @binding(4) var<storage, read_write> hit: array<u32>;    // (m)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let row = flat_index(id, groups, WORKGROUP);
  if (row >= arrayLength(&loss)) { return; }
  let first = row * n;
  let label = labels[row];

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
  for (var c = 0u; c < classes; c++) {
    total += exp(z[first + c] - top);
  }
  for (var c = 0u; c < n; c++) {
    let p = exp(z[first + c] - top) / total;
    dz[first + c] = select(0.0, select(p, p - 1.0, c == label), c < classes);
  }
  loss[row] = log(total) - (z[first + label] - top);
  hit[row] = select(0u, 1u, best == label);
}
