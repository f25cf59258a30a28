// matmul: z = x wᵀ + b, a layer's units before their activation.
// One invocation computes a tile of ROWS samples x 4 units in registers. Sums start at the bias and
// run over k in order.
// 1 of 3: read this first. The same for GPUs is variants/matmul.tiled.wgsl, and for software drivers
// variants/matmul.small_subgroups.wgsl.

const WORKGROUP = 64u; // invocations a workgroup
const ROWS = 8u;       // samples a tile: each weight that is loaded serves so many

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       x: array<vec4f>; // (m, k / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>; // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>; // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&z) / (n / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let unit = i % (n / 4u);
  let row = i / (n / 4u) * ROWS;
  if (row >= m) { return; }

  var sum: array<vec4f, ROWS>;
  for (var r = 0u; r < ROWS; r++) { // unroll
    sum[r] = b[unit];
  }
  // Always k / 4. Mesa does not see that; it would unroll a short loop, and compile it for a second longer.
  let quads = select(0u, k / 4u, m > 0u);
  for (var q = 0u; q < quads; q++) {
    var values: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      values[r] = x[min(row + r, m - 1u) * (k / 4u) + q];
    }
    for (var u = 0u; u < 4u; u++) { // unroll
      let weights = w[unit * k + u * (k / 4u) + q];
      for (var r = 0u; r < ROWS; r++) { // unroll
        sum[r][u] = dot_add(values[r], weights, sum[r][u]);
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    if (row + r < m) { z[(row + r) * (n / 4u) + unit] = sum[r]; }
  }
}
