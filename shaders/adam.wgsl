// adam: steps along a decaying mean of the gradients, over the root of one of their squares, for all
// weights and biases of all layers, which lie in one buffer. At step t, from 1:
//   g = gradient + weight_decay parameter
//   moment1 = BETA1 moment1 + (1 - BETA1) g      moment2 = BETA2 moment2 + (1 - BETA2) g^2
//   parameter -= lr moment1 / (1 - BETA1^t) / (sqrt(moment2 / (1 - BETA2^t)) + EPS)
// (Kingma and Ba, arXiv:1412.6980; PyTorch's Adam.) One invocation takes four.
//
// The constants have no type, so that WGSL computes 1 - BETA2 in 64 bits, before it rounds: from the
// f32 nearest to BETA2 it would be off by 10^-5 of itself. Powers of them come from the host, which
// reads them here.

const WORKGROUP = 64u; // invocations a workgroup
const BETA1 = 0.9;     // what is left of the mean of gradients after a step
const BETA2 = 0.999;   // the same of the mean of squares
const EPS = 1e-8;      // keeps the root from 0

override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       gradients: array<vec4f>;  // (len / 4) means over the samples
@group(0) @binding(2) var<storage, read_write> moment1: array<vec4f>;    // (len / 4)
@group(0) @binding(3) var<storage, read_write> moment2: array<vec4f>;    // (len / 4)
@group(0) @binding(4) var<storage, read>       rate: array<vec4f>;       // (1) lr, 1 / (1 - BETA^t) of each

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&parameters)) { return; }
  let g = gradients[i] + weight_decay * parameters[i];
  let m = BETA1 * moment1[i] + (1.0 - BETA1) * g;
  let v = BETA2 * moment2[i] + (1.0 - BETA2) * (g * g);
  moment1[i] = m;
  moment2[i] = v;
  parameters[i] -= rate[0].x * (m * rate[0].y / (sqrt(v * rate[0].z) + EPS));
}
