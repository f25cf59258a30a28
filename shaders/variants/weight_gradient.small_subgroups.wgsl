// weight_gradient and weight_gradient_pixels, 3 of 3, for software drivers with subgroups of 8 or 16 lanes,
// where loading costs more than multiplying: read weight_gradient.wgsl first.
// dw += dzᵀ x over one of `splits` ranges of samples; reduce_gradient adds up the ranges in order.
// x_f32.wgsl or x_u8x16.wgsl, which is appended to this file, reads x.
//
// A workgroup is 8 lanes of one subgroup. It sums a tile of dw, TILE_M units x TILE_N inputs, over one
// range, in registers. Sums run over the samples in order. The samples are counted: the host checks it.
//
//   each lane loads   QUADS x 4 inputs of ROWS samples: its own columns of the tile
//                     LOADS x 4 units of one sample, lane % ROWS:
//                         lane 0 .. ROWS - 1     of quad 0 of the tile's units, then of quad SIDE, ...
//                         the next ROWS lanes    of quad 1, SIDE + 1, ...
//                     which subgroupShuffle hands to all lanes
//   each lane sums    its columns at all TILE_M units

const WORKGROUP = 8u;                             // lanes of the subgroup that work, the first ones
const ROWS = 4u;                                  // samples a step: 1, 2, 4 or 8
const SIDE = WORKGROUP / ROWS;                    // quads of units that the lanes load side by side
const X_LOADS = select(2u, 1u, X_QUADS > 1u);     // of a lane and sample
const QUADS = X_LOADS * X_QUADS;                  // inputs a lane, by four
const TILE_M = 64u / QUADS;                       // units a workgroup: a lane has 64 sums of four
const TILE_N = 4u * QUADS * WORKGROUP;            // inputs a workgroup
const LOADS = TILE_M / (4u * SIDE);               // vec4f of dz that a lane loads a step

override k: u32;       // inputs of the layer, padded to a multiple of 4, pixels of 16
override n: u32;       // units of the layer, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // add to what the partial sums hold; else replace them
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(1) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let m = arrayLength(&dz) / (n / 4u);
  let x_len = k / (4u * X_QUADS); // loads of a sample
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (k + TILE_N - 1u) / TILE_N;
  let tiles_m = (n + TILE_M - 1u) / TILE_M;
  let tile_row = (tile % tiles_m) * TILE_M; // its first unit; neighbours share x, the larger part
  let first_x = (((tile / tiles_m) % tiles_n) * (X_LOADS * WORKGROUP)) + lane;
  let split = tile / (tiles_n * tiles_m);
  if (split >= splits) { return; }
  let rows = (m + splits - 1u) / splits;
  let end = min((split + 1u) * rows, m);

  var sum: array<array<vec4f, QUADS>, TILE_M>;
  for (var u = 0u; u < TILE_M; u++) { // unroll
    for (var c = 0u; c < QUADS; c++) { // unroll
      sum[u][c] = vec4f(0.0);
    }
  }
  var seen = 0u;
  for (var step_row = split * rows; step_row < end; step_row += ROWS) {
    let own_row = step_row + (lane % ROWS);
    var loaded: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) { // unroll
      let quad = min((tile_row / 4u) + (SIDE * l) + (lane / ROWS), (n / 4u) - 1u);
      loaded[l] = select(vec4f(0.0), dz[(min(own_row, end - 1u) * (n / 4u)) + quad], own_row < end);
    }
    var values: array<array<vec4f, QUADS>, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      for (var l = 0u; l < X_LOADS; l++) { // unroll
        let row = min(step_row + r, end - 1u);
        let loaded_x = load_x((row * x_len) + min(first_x + (WORKGROUP * l), x_len - 1u));
        for (var v = 0u; v < X_QUADS; v++) { // unroll
          values[r][(l * X_QUADS) + v] = x_quad(loaded_x, v);
        }
      }
    }
    for (var u = 0u; u < TILE_M; u++) { // unroll
      var d: array<f32, ROWS>;
      for (var r = 0u; r < ROWS; r++) { // unroll
        d[r] = subgroupShuffle(loaded[(u / 4u) / SIDE][u % 4u], (((u / 4u) % SIDE) * ROWS) + r);
      }
      for (var c = 0u; c < QUADS; c++) { // unroll
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[u][c] = fma(values[r][c], vec4f(d[r]), sum[u][c]);
        }
      }
    }
    seen += min(ROWS, end - step_row);
  }
  // One unit an iteration, picked from the registers: unrolled, this would take longer to compile than
  // all that comes before it.
  for (var u = 0u; u < min(TILE_M, n - tile_row); u++) {
    for (var c = 0u; c < QUADS; c++) { // unroll
      var picked = vec4f(0.0);
      for (var s = 0u; s < TILE_M; s++) { // unroll
        picked = select(picked, sum[s][c], u == s);
      }
      let at_x = first_x + (WORKGROUP * (c / X_QUADS));
      let at = (((split * n) + tile_row + u) * (k / 4u)) + (at_x * X_QUADS) + (c % X_QUADS);
      if (at_x < x_len) {
        var part = x_scaled(picked);
        if (accumulate) { part += dw_partials[at]; }
        dw_partials[at] = part;
      }
    }
  }
  if (first_x == 0u && tile_row == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
