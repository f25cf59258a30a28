// matmul and matmul_pixels, 3 of 3, for software drivers with subgroups of 8 or 16 lanes, where loading
// costs more than multiplying: read matmul.wgsl first. z = x wᵀ + b.
// x_f32.wgsl or x_u8.wgsl, which is appended to this file, reads x.
//
// A workgroup is 8 lanes of one subgroup. It computes a tile of z, TILE_M samples x TILE_N units, in
// registers. Sums run over k in order; the bias is added last.
//
//              lane 0        lane 1          lane 7
//            +-------------+-------------+- .. -+
//   loads    | x of ROWS samples: lane, lane + 8, ...
//   loads    | w of LOADS units: lane, lane + 8, ..., which subgroupShuffle hands to all lanes
//   sums     | z of its samples at all TILE_N units
//            +-------------+-------------+- .. -+

const WORKGROUP = 8u;                              // lanes of the subgroup that work, the first ones
const ROWS = 8u;                                   // samples a lane
const TILE_M = ROWS * WORKGROUP;                   // samples a workgroup
const TILE_N = select(32u, 16u, X_BITS == 8u);     // units a workgroup; first layers are often narrow
const LOADS = TILE_N / WORKGROUP;                  // units whose weights a lane loads
const QUADS = TILE_N / 4u;                         // units of the tile, by four
const LAST_QUAD = QUADS - 1u;
const LAST_ROW = ROWS - 1u;
const STEP = 32u / TILE_N;                         // inputs a step, by four: the body fits the instruction
                                                   // cache, and an image is at most 32,768 steps

override k: u32; // inputs of the layer, padded to a multiple of 4, pixels of 16
override n: u32; // units of the layer, padded to a multiple of 4

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
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (n + TILE_N - 1u) / TILE_N;
  let first_row = ((tile / tiles_n) * TILE_M) + lane;
  let tile_col = (tile % tiles_n) * TILE_N; // its first unit

  var sum: array<array<vec4f, QUADS>, ROWS>;
  var total: array<array<vec4f, QUADS>, ROWS>; // of the short sums that a long one is made of
  for (var k_step = 0u; k_step < (k / 4u); k_step += STEP) {
    if ((k > LONG_SUM) && ((k_step % (SHORT_SUM / 4u)) == 0u)) {
      for (var r = 0u; r < ROWS; r++) { // unroll
        for (var c = 0u; c < QUADS; c++) { // unroll
          total[r][c] += sum[r][c];
          sum[r][c] = vec4f(0.0);
        }
      }
    }
    for (var i = 0u; i < STEP; i++) { // unroll
      var loaded: array<vec4f, LOADS>;
      for (var l = 0u; l < LOADS; l++) { // unroll
        let unit = min(tile_col + (WORKGROUP * l) + lane, n - 1u);
        loaded[l] = w[(unit * (k / 4u)) + k_step + i];
      }
      var values: array<vec4f, ROWS>;
      for (var r = 0u; r < ROWS; r++) { // unroll
        let row = min(first_row + (WORKGROUP * r), m - 1u);
        values[r] = x_quad(load_x((row * (k / 4u)) + k_step + i), 0u);
      }
      for (var u = 0u; u < TILE_N; u++) { // unroll
        let weights = subgroupShuffle(loaded[u / WORKGROUP], u % WORKGROUP);
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[r][u / 4u][u % 4u] = dot_add(values[r], weights, sum[r][u / 4u][u % 4u]);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) { // unroll
    for (var c = 0u; c < QUADS; c++) { // unroll
      total[r][c] += sum[r][c];
    }
  }
  // One store serves all sums, as each one is slow to compile: a sum is stored from the first place, and the
  // others move up by one.
  let quads = min(QUADS, (n - tile_col) / 4u);
  for (var c = 0u; c < quads; c++) {
    let quad = (tile_col / 4u) + c;
    let bias = b[quad];
    var column: array<vec4f, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      column[r] = total[r][0];
      for (var q = 0u; q < LAST_QUAD; q++) { // unroll
        total[r][q] = total[r][q + 1u];
      }
    }
    for (var row = first_row; row < min(m, first_row + TILE_M); row += WORKGROUP) {
      z[(row * (n / 4u)) + quad] = x_scaled(column[0]) + bias;
      for (var r = 0u; r < LAST_ROW; r++) { // unroll
        column[r] = column[r + 1u];
      }
    }
  }
}
