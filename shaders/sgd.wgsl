// sgd: parameter -= lr (gradient + weight_decay parameter), for all weights and biases of
// all layers, which lie in one buffer. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup

override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       gradients: array<vec4f>;  // (len / 4) means over the samples
@group(0) @binding(2) var<storage, read>       rate: array<vec4f>;       // (1) x: lr, the learning rate

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&parameters)) { return; }
  parameters[i] -= rate[0].x * (gradients[i] + weight_decay * parameters[i]);
}
