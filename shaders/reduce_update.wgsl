// reduce_update: parameter -= lr (gradient + weight_decay parameter), where gradient = 1/m x the sum of
// the partial sums in their order: reduce_gradient and gradient_descent in one, for all weights and
// biases of all layers, which lie in one buffer. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup

override splits: u32;       // partial sums of each element
override samples: u32;      // m
override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       partials: array<vec4f>;   // (splits, len / 4)
@group(0) @binding(2) var<storage, read>       rate: array<vec4f>;       // (1) x: lr, the learning rate

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let len = arrayLength(&parameters);
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= len) { return; }

  var sum = vec4f(0.0);
  for (var split = 0u; split < splits; split++) {
    sum += partials[split * len + i];
  }
  parameters[i] -= rate[0].x * (sum / f32(samples) + weight_decay * parameters[i]);
}
