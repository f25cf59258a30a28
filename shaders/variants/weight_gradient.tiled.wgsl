// weight_gradient: dw += dzᵀ x, the gradient of a layer's weights.
// The samples are split into `splits` ranges, each with a partial sum of its own, which
// reduce_gradient adds up in order.
// For GPUs: a workgroup sums a tile of TILE_M units x TILE_N inputs over one range. It goes through
// the samples TILE_K at a time and shares them through workgroup memory. 16 x 16 invocations have
// 4 units x 8 inputs each in registers. Sums run over the samples in order. The samples are counted,
// once for each range: the host checks the count.

// The first four belong together: TILE_M x TILE_N is 32 sums for each of 256 invocations.
const WORKGROUP = 256u; // invocations a workgroup: 16 along the inputs, 16 along the units
const TILE_M = 64u;     // units a workgroup
const TILE_N = 128u;    // inputs a workgroup
const TILE_K = 16u;     // samples a step

override k: u32;       // inputs of the layer, padded to a multiple of 4
override n: u32;       // units of the layer, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // to what the partial sums hold; else they are replaced
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(1) var<storage, read>       x: array<vec4f>;           // (m, k / 4)
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

var<workgroup> d_tile: array<vec4f, TILE_K * 16u>; // (TILE_K, TILE_M / 4)
var<workgroup> x_tile: array<vec4f, TILE_K * 32u>; // (TILE_K, TILE_N / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let m = arrayLength(&dz) / (n / 4u);
  let i = group.y * groups.x + group.x;
  let across = (k + TILE_N - 1u) / TILE_N;
  let below = (n + TILE_M - 1u) / TILE_M;
  let split = i / (across * below);
  let rows = (m + splits - 1u) / splits;
  let end = min((split + 1u) * rows, m);
  let down = local / 16u;  // its units: 4 down and three more
  let right = local % 16u; // its inputs: 4 right and TILE_N / 2 + 4 right, and three after each
  let unit = i / across % below * (TILE_M / 4u);
  let input = i % across * (TILE_N / 4u);

  var sum: array<array<vec4f, 2>, 4>;
  for (var u = 0u; u < 4u; u++) { // unroll
    for (var h = 0u; h < 2u; h++) { // unroll
      sum[u][h] = vec4f(0.0);
    }
  }
  var seen = 0u;
  for (var first = split * rows; first < end; first += TILE_K) {
    let row = min(first + down, end - 1u);
    let here = first + down < end;
    let d = dz[row * (n / 4u) + min(unit + right, n / 4u - 1u)];
    d_tile[local] = select(vec4f(0.0), d, here);
    for (var h = 0u; h < 2u; h++) { // unroll
      let value = x[row * (k / 4u) + min(input + 16u * h + right, k / 4u - 1u)];
      x_tile[down * 32u + 16u * h + right] = select(vec4f(0.0), value, here);
    }
    workgroupBarrier();
    for (var c = 0u; c < TILE_K; c++) { // unroll
      let four = d_tile[c * 16u + down];
      for (var h = 0u; h < 2u; h++) { // unroll
        let value = x_tile[c * 32u + 16u * h + right];
        for (var u = 0u; u < 4u; u++) { // unroll
          sum[u][h] = fma(value, vec4f(four[u]), sum[u][h]);
        }
      }
    }
    workgroupBarrier();
    seen += min(TILE_K, end - first);
  }
  for (var u = 0u; u < 4u; u++) { // unroll
    for (var h = 0u; h < 2u; h++) { // unroll
      let at = input + 16u * h + right;
      if (split < splits && unit + down < n / 4u && at < k / 4u) {
        let place = (split * n + 4u * (unit + down) + u) * (k / 4u) + at;
        if (accumulate) { sum[u][h] += dw_partials[place]; }
        dw_partials[place] = sum[u][h];
      }
    }
  }
  if (local == 0u && input == 0u && unit == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
