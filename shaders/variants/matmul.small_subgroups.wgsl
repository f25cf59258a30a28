// matmul: z = x wᵀ + b, a layer's units before their activation.
// For software adapters with subgroups of 8 or 16 lanes, where loading costs more than multiplying:
// one workgroup is 8 lanes of one subgroup and computes a tile of TILE_M samples x TILE_N units in registers. A
// lane owns the samples lane, lane + 8, ...; it loads the weights of the units lane, lane + 8, ...
// and subgroupShuffle hands these round. Sums run over k in order, the bias is added last.

const WORKGROUP = 8u; // lanes of the subgroup that work, the first ones
const ROWS = 8u;      // samples a lane
const UNITS = 32u;    // units of the tile, all of them in each lane
const LOADS = 4u;     // UNITS / WORKGROUP: weights that a lane loads
const QUADS = 8u;     // UNITS / 4
const TILE_M = 64u;   // ROWS x WORKGROUP
const TILE_N = 32u;   // UNITS

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       x: array<vec4f>; // (m, k / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>; // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>; // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let m = arrayLength(&z) / (n / 4u);
  let i = group.y * groups.x + group.x;
  let across = (n + TILE_N - 1u) / TILE_N;
  let unit = i % across * TILE_N;
  let row = i / across * TILE_M + lane;

  var sum: array<array<vec4f, QUADS>, ROWS>;
  for (var r = 0u; r < ROWS; r++) { // unroll
    for (var c = 0u; c < QUADS; c++) { // unroll
      sum[r][c] = vec4f(0.0);
    }
  }
  for (var q = 0u; q < k / 4u; q++) {
    var loaded: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) { // unroll
      loaded[l] = w[min(unit + WORKGROUP * l + lane, n - 1u) * (k / 4u) + q];
    }
    var values: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      values[r] = x[min(row + WORKGROUP * r, m - 1u) * (k / 4u) + q];
    }
    for (var u = 0u; u < UNITS; u++) { // unroll
      let weights = subgroupShuffle(loaded[u / WORKGROUP], u % WORKGROUP);
      for (var r = 0u; r < ROWS; r++) { // unroll
        sum[r][u / 4u][u % 4u] = dot_add(values[r], weights, sum[r][u / 4u][u % 4u]);
      }
    }
  }
  for (var c = 0u; c < QUADS; c++) { // unroll
    if (unit + 4u * c < n) {
      let bias = b[unit / 4u + c];
      for (var r = 0u; r < ROWS; r++) { // unroll
        let at = row + WORKGROUP * r;
        if (at < m) { z[at * (n / 4u) + unit / 4u + c] = sum[r][c] + bias; }
      }
    }
  }
}
