// input_gradient: da = dz w, the gradient of what the layer below put out.
// For software adapters with subgroups of 8 or 16 lanes, where loading costs more than multiplying:
// one workgroup is 8 lanes of one subgroup and computes a tile of TILE_M samples x TILE_N inputs in registers. A
// lane owns the samples lane, lane + 8, ...; every weight is loaded by one lane, and
// subgroupShuffle hands it round. Sums run over the units in order.

const WORKGROUP = 8u; // lanes of the subgroup that work, the first ones
const ROWS = 4u;      // samples a lane
const LOADS = 4u;     // TILE_N / WORKGROUP: weights that a lane loads
const QUADS = 8u;     // TILE_N / 4: inputs of the tile by four, all of them in each lane
const TILE_M = 32u;   // ROWS x WORKGROUP
const TILE_N = 32u;   // inputs

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>; // (m, n / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;  // (n, k / 4)
@group(0) @binding(2) var<storage, read_write> da: array<vec4f>; // (m, k / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let m = arrayLength(&da) / (k / 4u);
  let i = group.y * groups.x + group.x;
  let across = (k + TILE_N - 1u) / TILE_N;
  let input = i % across * QUADS;
  let row = i / across * TILE_M + lane;

  var sum: array<array<vec4f, QUADS>, ROWS>;
  for (var r = 0u; r < ROWS; r++) { // unroll
    for (var c = 0u; c < QUADS; c++) { // unroll
      sum[r][c] = vec4f(0.0);
    }
  }
  for (var q = 0u; q < n / 4u; q++) {
    var loaded: array<vec4f, LOADS>; // 4 units x QUADS, spread over the lanes
    for (var l = 0u; l < LOADS; l++) { // unroll
      let at = WORKGROUP * l + lane;
      loaded[l] = w[(4u * q + at / QUADS) * (k / 4u) + min(input + at % QUADS, k / 4u - 1u)];
    }
    var d: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      d[r] = dz[min(row + WORKGROUP * r, m - 1u) * (n / 4u) + q];
    }
    for (var c = 0u; c < QUADS; c++) { // unroll
      for (var u = 0u; u < 4u; u++) { // unroll
        let weights = subgroupShuffle(loaded[(u * QUADS + c) / WORKGROUP], (u * QUADS + c) % WORKGROUP);
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[r][c] = fma(vec4f(d[r][u]), weights, sum[r][c]);
        }
      }
    }
  }
  for (var c = 0u; c < QUADS; c++) { // unroll
    for (var r = 0u; r < ROWS; r++) { // unroll
      let at = row + WORKGROUP * r;
      if (at < m && input + c < k / 4u) { da[at * (k / 4u) + input + c] = sum[r][c]; }
    }
  }
}
