// rmsprop: steps along the gradient, over the root of a decaying mean of its square, for all weights
// and biases of all layers, which lie in one buffer:
//   g = gradient + weight_decay parameter
//   mean_square = DECAY mean_square + (1 - DECAY) g^2
//   parameter -= lr g / (sqrt(mean_square) + EPS)
// As PyTorch's RMSprop, whose alpha is DECAY. One invocation takes four.
//
// The constants have no type, so that WGSL computes 1 - DECAY in 64 bits, before it rounds: from the
// f32 nearest to DECAY it would be off by 10^-6 of itself.

const WORKGROUP = 64u; // invocations a workgroup
const DECAY = 0.99;    // what is left of the mean after a step
const EPS = 1e-8;      // keeps the root from 0

override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>;  // (len / 4)
@group(0) @binding(1) var<storage, read>       gradients: array<vec4f>;   // (len / 4) means over the samples
@group(0) @binding(2) var<storage, read_write> mean_square: array<vec4f>; // (len / 4)
@group(0) @binding(3) var<storage, read>       rate: array<vec4f>;        // (1) x: lr, the learning rate

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&parameters)) { return; }
  let g = gradients[i] + weight_decay * parameters[i];
  let square = DECAY * mean_square[i] + (1.0 - DECAY) * (g * g);
  mean_square[i] = square;
  parameters[i] -= rate[0].x * (g / (sqrt(square) + EPS));
}
