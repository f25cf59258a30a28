// reduce_update: parameter -= lr (gradient + weight_decay parameter), where gradient = 1/m x the sum of
// the partial sums: reduce_gradient and sgd in one, for all weights and biases of all
// layers, which lie in one buffer. Of many partial sums, as GPUs leave them, PARTS invocations share those
// of four parameters: each adds up every PARTS-th, and the first one of them adds these sums in their
// order. A few, as software drivers leave them, one invocation adds up in their order.

const WORKGROUP = 128u; // invocations a workgroup
const PARTS = 16u;      // invocations that share; divides WORKGROUP
const FEW = 16u;        // partial sums that are not shared; a software driver's fused_step leaves no more

override splits: u32;       // partial sums of each element
override samples: u32;      // m
override weight_decay: f32; // share of a parameter that counts as gradient
// The host counts workgroups by the same rule: kernels/registry.rs.
override parts: u32 = select(PARTS, 1u, splits <= FEW);
override quads: u32 = WORKGROUP / parts;

@group(0) @binding(0) var<storage, read_write> parameters: array<vec4f>; // (len / 4)
@group(0) @binding(1) var<storage, read>       partials: array<vec4f>;   // (splits, len / 4)
@group(0) @binding(2) var<storage, read>       rate: array<vec4f>;       // (1) x: lr, the learning rate

var<workgroup> sums: array<vec4f, WORKGROUP>; // (parts, quads)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let len = arrayLength(&parameters);
  let i = flat_index(id, groups, WORKGROUP);
  let local = i % WORKGROUP;
  let quad = i / WORKGROUP * quads + local % quads;

  var sum = vec4f(0.0);
  if (quad < len) {
    for (var split = local / quads; split < splits; split += parts) {
      sum += partials[split * len + quad];
    }
  }
  sums[local] = sum;
  workgroupBarrier();
  if (local < quads && quad < len) {
    for (var part = 1u; part < parts; part++) {
      sum += sums[part * quads + local];
    }
    parameters[quad] -= rate[0].x * (sum / f32(samples) + weight_decay * parameters[quad]);
  }
}
