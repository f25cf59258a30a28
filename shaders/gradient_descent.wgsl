// gradient_descent: parameter -= alpha x gradient, for all weights and biases of all layers, which
// lie in one buffer. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup

override alpha: f32; // the learning rate

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       gradients: array<vec4f>;  // (len / 4) means over the samples

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&parameters)) { return; }
  parameters[i] -= alpha * gradients[i];
}
