// matmul: z = x wᵀ + b, a layer's units before their activation.
// One invocation computes a tile of ROWS samples x 4 units in registers; a row vector times a
// 4 x 4 tile of weights is four dot products at once. Sums run over k in order.

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
  for (var q = 0u; q < k / 4u; q++) {
    let at = unit * k + q;
    let tile = mat4x4f(w[at], w[at + k / 4u], w[at + k / 2u], w[at + 3u * k / 4u]);
    for (var r = 0u; r < ROWS; r++) { // unroll
      sum[r] += x[min(row + r, m - 1u) * (k / 4u) + q] * tile;
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    if (row + r < m) { z[(row + r) * (n / 4u) + unit] = sum[r]; }
  }
}
