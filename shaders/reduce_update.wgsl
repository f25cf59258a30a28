// reduce_update: parameter -= lr (gradient + weight_decay parameter), where gradient = 1/m x the sum of
// the partial sums: reduce_gradient and gradient_descent in one, for all weights and biases of all
// layers, which lie in one buffer. There are few parameters and many partial sums of each, so PARTS
// invocations share four parameters: each adds up every PARTS-th partial sum, and the first one of them
// adds these sums in their order.

const WORKGROUP = 64u; // invocations a workgroup
const PARTS = 8u;      // invocations for four parameters; divides WORKGROUP
const QUADS = WORKGROUP / PARTS;

override splits: u32;       // partial sums of each element
override samples: u32;      // m
override weight_decay: f32; // share of a parameter that counts as gradient

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       partials: array<vec4f>;   // (splits, len / 4)
@group(0) @binding(2) var<storage, read>       rate: array<vec4f>;       // (1) x: lr, the learning rate

var<workgroup> sums: array<vec4f, WORKGROUP>; // (PARTS, QUADS)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let len = arrayLength(&parameters);
  let i = flat_index(id, groups, WORKGROUP);
  let local = i % WORKGROUP;
  let quad = i / WORKGROUP * QUADS + local % QUADS;

  var sum = vec4f(0.0);
  if (quad < len) {
    for (var split = local / QUADS; split < splits; split += PARTS) {
      sum += partials[split * len + quad];
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local < QUADS && quad < len) {
    for (var part = 1u; part < PARTS; part++) {
      sum += sums[part * QUADS + local];
    }
    parameters[quad] -= rate[0].x * (sum / f32(samples) + weight_decay * parameters[quad]);
  }
}
