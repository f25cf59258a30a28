// nesterov: momentum, one step ahead: the velocity counts as it will be after the next step without a
// gradient. For all weights and biases of all layers, which lie in one buffer:
//   g = gradient + weight_decay parameter
//   velocity = MU velocity + g
//   parameter -= lr (g + MU velocity)
// As PyTorch's SGD with nesterov=True. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup
const MU = 0.9;        // what is left of the velocity after a step

override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       gradients: array<vec4f>;  // (len / 4) means over the samples
@group(0) @binding(2) var<storage, read_write> velocity: array<vec4f>;   // (len / 4)
@group(0) @binding(3) var<storage, read>       rate: array<vec4f>;       // (1) x: lr, the learning rate

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&parameters)) { return; }
  let g = gradients[i] + weight_decay * parameters[i];
  let v = MU * velocity[i] + g;
  velocity[i] = v;
  parameters[i] -= rate[0].x * (g + MU * v);
}
