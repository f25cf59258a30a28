// matmul_pixels: z = x wᵀ + b for the first layer, where x = pixels / 255. 1/255 is applied once, to
// the finished sum.
// For GPUs: a workgroup computes a tile of TILE_M images x TILE_N units. It goes through the pixels
// TILE_K at a time and shares them, unpacked once, through workgroup memory, where a vec4f is four
// images, or four units, at one pixel: an invocation loads 4 x 4 numbers and turns them over.
// 16 x 16 invocations have 8 images x 4 units each in registers. Sums run over the pixels in order.

// The first four belong together: TILE_M x TILE_N is 32 sums for each of 256 invocations.
const WORKGROUP = 256u; // invocations a workgroup: 16 along the units, 16 along the images
const TILE_M = 128u;    // images a workgroup
const TILE_N = 64u;     // units a workgroup
const TILE_K = 16u;     // pixels a step
const X_STRIDE = 33u;   // TILE_M / 4, and one more: odd, so that writers share fewer memory banks
const W_STRIDE = 17u;   // TILE_N / 4, and one more

override k: u32; // pixels an image, padded to a multiple of 16
override n: u32; // units, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       pixels: array<u32>; // (m, k / 4), 4 u8 each
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;    // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;    // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>;    // (m, n / 4)

var<workgroup> x_tile: array<vec4f, TILE_K * X_STRIDE>; // (TILE_K, TILE_M / 4)
var<workgroup> w_tile: array<vec4f, TILE_K * W_STRIDE>; // (TILE_K, TILE_N / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let m = arrayLength(&z) / (n / 4u);
  let i = group.y * groups.x + group.x;
  let across = (n + TILE_N - 1u) / TILE_N;
  let row = i / across * TILE_M;
  let unit = i % across * TILE_N;
  let down = local / 16u;  // its images: 4 down and TILE_M / 2 + 4 down, and three after each
  let right = local % 16u; // its units: 4 right and three more
  let line = local / 4u;   // what it loads: four rows of pixels, or of w behind them
  let part = local % 4u;   // at four of the TILE_K pixels

  var sum: array<vec4f, 8>;
  for (var r = 0u; r < 8u; r++) { // unroll
    sum[r] = vec4f(0.0);
  }
  for (var step = 0u; step < k / 4u; step += TILE_K / 4u) {
    let q = min(step + part, k / 4u - 1u);
    let here = step + part < k / 4u;
    if (line < TILE_M / 4u) {
      var four: mat4x4f;
      for (var r = 0u; r < 4u; r++) { // unroll
        let word = pixels[min(row + 4u * line + r, m - 1u) * (k / 4u) + q];
        four[r] = select(vec4f(0.0), pixels_of(word), here);
      }
      let turned = transpose(four);
      for (var c = 0u; c < 4u; c++) { // unroll
        x_tile[(4u * part + c) * X_STRIDE + line] = turned[c];
      }
    } else if (line < (TILE_M + TILE_N) / 4u) {
      let behind = line - TILE_M / 4u;
      var four: mat4x4f;
      for (var u = 0u; u < 4u; u++) { // unroll
        four[u] = select(vec4f(0.0), w[min(unit + 4u * behind + u, n - 1u) * (k / 4u) + q], here);
      }
      let turned = transpose(four);
      for (var c = 0u; c < 4u; c++) { // unroll
        w_tile[(4u * part + c) * W_STRIDE + behind] = turned[c];
      }
    }
    workgroupBarrier();
    for (var c = 0u; c < TILE_K; c++) { // unroll
      let low = x_tile[c * X_STRIDE + down];
      let high = x_tile[c * X_STRIDE + TILE_M / 8u + down];
      let weights = w_tile[c * W_STRIDE + right];
      for (var r = 0u; r < 4u; r++) { // unroll
        sum[r] = fma(vec4f(low[r]), weights, sum[r]);
        sum[r + 4u] = fma(vec4f(high[r]), weights, sum[r + 4u]);
      }
    }
    workgroupBarrier();
  }
  if (unit + 4u * right < n) {
    let quad = unit / 4u + right;
    for (var r = 0u; r < 8u; r++) { // unroll
      let at = row + r / 4u * (TILE_M / 2u) + 4u * down + r % 4u;
      if (at < m) { z[at * (n / 4u) + quad] = sum[r] / 255.0 + b[quad]; }
    }
  }
}
