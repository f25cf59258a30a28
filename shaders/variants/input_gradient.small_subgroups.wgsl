// input_gradient, 3 of 3, for software drivers with subgroups of 8 or 16 lanes, where loading costs more
// than multiplying: read input_gradient.wgsl first. da = dz w.
//
// A workgroup is 8 lanes of one subgroup. It computes a tile of da, TILE_M samples x TILE_N inputs, in
// registers. Sums run over the units in order.
//
//   each lane loads   4 units of dz, of ROWS samples: lane, lane + 8, ...
//                     LOADS of the 4 x QUADS vec4f of w: 4 units at all inputs of the tile, row by row,
//                     of which lane l has vec4f l, l + 8, ... and subgroupShuffle hands them to all lanes
//   each lane sums    its samples at all TILE_N inputs

const WORKGROUP = 8u;                     // lanes of the subgroup that work, the first ones
const ROWS = 4u;                          // samples a lane
const TILE_M = ROWS * WORKGROUP;          // samples a workgroup
const TILE_N = 32u;                       // inputs a workgroup
const QUADS = TILE_N / 4u;                // inputs of the tile, by four
const LOADS = (4u * QUADS) / WORKGROUP;   // vec4f of w that a lane loads a step

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
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (k + TILE_N - 1u) / TILE_N;
  let first_row = ((tile / tiles_n) * TILE_M) + lane;
  let tile_col = (tile % tiles_n) * QUADS; // its first input, by four

  var sum: array<array<vec4f, QUADS>, ROWS>;
  for (var r = 0u; r < ROWS; r++) { // unroll
    for (var c = 0u; c < QUADS; c++) { // unroll
      sum[r][c] = vec4f(0.0);
    }
  }
  for (var step = 0u; step < (n / 4u); step++) {
    var loaded: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) { // unroll
      let i = (WORKGROUP * l) + lane;
      let unit = (4u * step) + (i / QUADS);
      loaded[l] = w[(unit * (k / 4u)) + min(tile_col + (i % QUADS), (k / 4u) - 1u)];
    }
    var d: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      let row = min(first_row + (WORKGROUP * r), m - 1u);
      d[r] = dz[(row * (n / 4u)) + step];
    }
    for (var c = 0u; c < QUADS; c++) { // unroll
      for (var u = 0u; u < 4u; u++) { // unroll
        let i = (u * QUADS) + c;
        let weights = subgroupShuffle(loaded[i / WORKGROUP], i % WORKGROUP);
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[r][c] = fma(vec4f(d[r][u]), weights, sum[r][c]);
        }
      }
    }
  }
  for (var c = 0u; c < QUADS; c++) { // unroll
    for (var r = 0u; r < ROWS; r++) { // unroll
      let row = first_row + (WORKGROUP * r);
      let input = tile_col + c;
      if (row < m && input < (k / 4u)) { da[(row * (k / 4u)) + input] = sum[r][c]; }
    }
  }
}
