// input_gradient: da = dz w, the gradient of what the layer below put out.
// For GPUs: a workgroup computes a tile of TILE_M samples x TILE_N inputs. It goes through the units
// TILE_K at a time and shares them through workgroup memory, where a vec4f is four samples, or four
// inputs, at one unit: of dz an invocation loads 4 x 4 numbers and turns them over. 16 x 16
// invocations have 8 samples x 4 inputs each in registers. Sums run over the units in order.

// The first four belong together: TILE_M x TILE_N is 32 sums for each of 256 invocations.
const WORKGROUP = 256u; // invocations a workgroup: 16 along the inputs, 16 along the samples
const TILE_M = 128u;    // samples a workgroup
const TILE_N = 64u;     // inputs a workgroup
const TILE_K = 16u;     // units a step
const D_STRIDE = 33u;   // TILE_M / 4, and one more: odd, so that writers share fewer memory banks
const W_STRIDE = 16u;   // TILE_N / 4

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>; // (m, n / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;  // (n, k / 4)
@group(0) @binding(2) var<storage, read_write> da: array<vec4f>; // (m, k / 4)

var<workgroup> d_tile: array<vec4f, TILE_K * D_STRIDE>; // (TILE_K, TILE_M / 4)
var<workgroup> w_tile: array<vec4f, TILE_K * W_STRIDE>; // (TILE_K, TILE_N / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let m = arrayLength(&da) / (k / 4u);
  let i = group.y * groups.x + group.x;
  let across = (k + TILE_N - 1u) / TILE_N;
  let row = i / across * TILE_M;
  let down = local / 16u;  // its samples: 4 down and TILE_M / 2 + 4 down, and three after each
  let right = local % 16u; // its inputs: 4 right and three more
  let input = i % across * (TILE_N / 4u) + right;
  let line = local / 4u;   // what it loads of dz: four samples
  let part = local % 4u;   // at four of the TILE_K units

  var sum: array<vec4f, 8>;
  for (var r = 0u; r < 8u; r++) { // unroll
    sum[r] = vec4f(0.0);
  }
  for (var step = 0u; step < n / 4u; step += TILE_K / 4u) {
    if (line < TILE_M / 4u) {
      let q = min(step + part, n / 4u - 1u);
      var four: mat4x4f;
      for (var r = 0u; r < 4u; r++) { // unroll
        let value = dz[min(row + 4u * line + r, m - 1u) * (n / 4u) + q];
        four[r] = select(vec4f(0.0), value, step + part < n / 4u);
      }
      let turned = transpose(four);
      for (var c = 0u; c < 4u; c++) { // unroll
        d_tile[(4u * part + c) * D_STRIDE + line] = turned[c];
      }
    }
    let unit = 4u * step + down;
    let weights = w[min(unit, n - 1u) * (k / 4u) + min(input, k / 4u - 1u)];
    w_tile[down * W_STRIDE + right] = select(vec4f(0.0), weights, unit < n);
    workgroupBarrier();
    for (var c = 0u; c < TILE_K; c++) { // unroll
      let low = d_tile[c * D_STRIDE + down];
      let high = d_tile[c * D_STRIDE + TILE_M / 8u + down];
      let weights = w_tile[c * W_STRIDE + right];
      for (var r = 0u; r < 4u; r++) { // unroll
        sum[r] = fma(vec4f(low[r]), weights, sum[r]);
        sum[r + 4u] = fma(vec4f(high[r]), weights, sum[r + 4u]);
      }
    }
    workgroupBarrier();
  }
  if (input < k / 4u) {
    for (var r = 0u; r < 8u; r++) { // unroll
      let at = row + r / 4u * (TILE_M / 2u) + 4u * down + r % 4u;
      if (at < m) { da[at * (k / 4u) + input] = sum[r]; }
    }
  }
}
