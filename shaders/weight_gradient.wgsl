// weight_gradient: dw += dzᵀ x, the gradient of a layer's weights.
// The samples are split into `splits` ranges, each with a partial sum of its own, which
// reduce_gradient adds up in order. One invocation sums a tile of 4 units x 4 inputs over one
// range. It counts its samples: the host checks the count.
// 1 of 3: read this first. The same for GPUs is variants/weight_gradient.tiled.wgsl, and for software drivers
// variants/weight_gradient.small_subgroups.wgsl.

const WORKGROUP = 64u; // invocations a workgroup

override k: u32;       // inputs of the layer, padded to a multiple of 4
override n: u32;       // units of the layer, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // to what the partial sums hold; else they are replaced
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;           // (m, k / 4)
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&dz) / (n / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let input = i % (k / 4u);
  let unit = i / (k / 4u) % (n / 4u);
  let split = i / (k / 4u * (n / 4u));
  if (split >= splits) { return; }
  let rows = (m + splits - 1u) / splits;

  var sum = mat4x4f(); // a column for each unit
  var seen = 0u;
  for (var row = split * rows; row < min((split + 1u) * rows, m); row++) {
    let d = dz[row * (n / 4u) + unit];
    let value = x[row * (k / 4u) + input];
    for (var u = 0u; u < 4u; u++) { // unroll
      sum[u] = fma(value, vec4f(d[u]), sum[u]);
    }
    seen++;
  }
  for (var u = 0u; u < 4u; u++) { // unroll
    let place = (split * n + 4u * unit + u) * (k / 4u) + input;
    if (accumulate) { sum[u] += dw_partials[place]; }
    dw_partials[place] = sum[u];
  }
  if (input == 0u && unit == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
