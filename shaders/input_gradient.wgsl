// input_gradient: da = dz w, the gradient of what the layer below put out.
// One invocation computes a tile of ROWS samples x 4 inputs in registers. Sums run over the units
// in order.
// 1 of 3: read this first. The same for GPUs is variants/input_gradient.tiled.wgsl, and for software drivers
// variants/input_gradient.small_subgroups.wgsl.

const WORKGROUP = 64u; // invocations a workgroup
const ROWS = 8u;       // samples a tile: each weight that is loaded serves so many

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>; // (m, n / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;  // (n, k / 4)
@group(0) @binding(2) var<storage, read_write> da: array<vec4f>; // (m, k / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&da) / (k / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let input = i % (k / 4u);
  let row = i / (k / 4u) * ROWS;
  if (row >= m) { return; }

  var sum: array<vec4f, ROWS>;
  for (var r = 0u; r < ROWS; r++) { // unroll
    sum[r] = vec4f(0.0);
  }
  for (var q = 0u; q < n / 4u; q++) {
    var d: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      d[r] = dz[min(row + r, m - 1u) * (n / 4u) + q];
    }
    for (var u = 0u; u < 4u; u++) { // unroll
      let weights = w[q * k + u * (k / 4u) + input];
      for (var r = 0u; r < ROWS; r++) { // unroll
        sum[r] = fma(vec4f(d[r][u]), weights, sum[r]);
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    if (row + r < m) { da[(row + r) * (k / 4u) + input] = sum[r]; }
  }
}
