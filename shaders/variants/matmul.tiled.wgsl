// matmul: z = x wᵀ + b, a layer's units before their activation.
// For GPUs: a workgroup computes a tile of TILE_M samples x TILE_N units. It goes through the inputs
// TILE_K at a time and shares them through workgroup memory, where a vec4f is four samples, or four
// units, at one input: an invocation loads 4 x 4 numbers and turns them over. 16 x 16 invocations
// have 8 samples x 4 units each in registers. Sums run over k in order; the bias is added last.

// The first four belong together: TILE_M x TILE_N is 32 sums for each of 256 invocations.
const WORKGROUP = 256u; // invocations a workgroup: 16 along the units, 16 along the samples
const TILE_M = 128u;    // samples a workgroup
const TILE_N = 64u;     // units a workgroup
const TILE_K = 16u;     // inputs a step
const X_STRIDE = 33u;   // TILE_M / 4, and one more: odd, so that writers share fewer memory banks
const W_STRIDE = 17u;   // TILE_N / 4, and one more

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       x: array<vec4f>; // (m, k / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>; // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>; // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>; // (m, n / 4)

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
  let down = local / 16u;  // its samples: 4 down and TILE_M / 2 + 4 down, and three after each
  let right = local % 16u; // its units: 4 right and three more
  let line = local / 4u;   // what it loads: four rows of x, or of w behind them
  let part = local % 4u;   // at four of the TILE_K inputs

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
        four[r] = select(vec4f(0.0), x[min(row + 4u * line + r, m - 1u) * (k / 4u) + q], here);
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
      if (at < m) { z[at * (n / 4u) + quad] = sum[r] + b[quad]; }
    }
  }
}
