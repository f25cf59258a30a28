// matmul_pixels: z = x wᵀ + b for the first layer, where x = pixels / 255. The pixels are unpacked
// here, from four in a u32, and never stored as f32; 1/255 is applied once, to the finished sum.
// One invocation computes a tile of ROWS images x 4 units in registers: a vec4u brings 16 pixels of
// an image, a vec4f 4 weights of a unit. Sums run over the pixels in order.
// Images are padded to a multiple of 16 pixels, units to a multiple of 4, both with zeros.
// 1 of 3: read this first. The same for GPUs is variants/matmul.tiled.wgsl, and for software drivers
// variants/matmul.small_subgroups.wgsl.

const WORKGROUP = 64u; // invocations a workgroup
const ROWS = 8u;       // images a tile: each weight that is loaded serves so many

override k: u32; // pixels an image, padded
override n: u32; // units, padded

@group(0) @binding(0) var<storage, read>       pixels: array<vec4u>; // (m, k / 16), 16 u8 each
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;      // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;      // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>;      // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&z) / (n / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let unit = i % (n / 4u);
  let row = i / (n / 4u) * ROWS;
  if (row >= m) { return; }

  var sum: array<vec4f, ROWS>;
  var total: array<vec4f, ROWS>; // of the short sums that a long one is made of
  for (var q = 0u; q < k / 16u; q++) {
    if (k > LONG_SUM && q % (SHORT_SUM / 16u) == 0u) {
      for (var r = 0u; r < ROWS; r++) { // unroll
        total[r] += sum[r];
        sum[r] = vec4f(0.0);
      }
    }
    var x: array<vec4u, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      x[r] = pixels[min(row + r, m - 1u) * (k / 16u) + q];
    }
    for (var v = 0u; v < 4u; v++) { // unroll
      let at = unit * k + 4u * q + v;
      for (var u = 0u; u < 4u; u++) { // unroll
        let weights = w[at + u * (k / 4u)];
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[r][u] = dot_add(pixels_of(x[r][v]), weights, sum[r][u]);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    if (row + r < m) { z[(row + r) * (n / 4u) + unit] = (total[r] + sum[r]) / 255.0 + b[unit]; }
  }
}
