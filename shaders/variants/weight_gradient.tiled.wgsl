// weight_gradient and weight_gradient_pixels, 2 of 3, for GPUs: read weight_gradient.wgsl first.
// dw += dzᵀ x over one of `splits` ranges of samples; reduce_gradient adds up the ranges in order.
// x_f32.wgsl or x_u8.wgsl, which is appended to this file, reads x.
//
// A workgroup sums a tile of dw, TILE_M units x TILE_N inputs, over one range. It goes through the samples
// STEP at a time and shares them through workgroup memory. Sums run over the samples in order. One
// workgroup of each range counts the samples: the host checks the count.
//
//           dz: TILE_M units          x: TILE_N inputs              dw: TILE_N inputs
//           +---+---+-- .. -+         +---+-- .. --+---+-- ..       +---+-- .. -+---+-- ..
//     STEP  | L |   |       |         | L |        | L |            | S |       | S |        4 units
//  samples  +---+---+-- .. -+         +---+-- .. --+---+-- ..       +---+-- .. -+---+-- ..
//           | 4 |   ...     |         | 4    ...   | 4    ...       | 4    ...  | 4   ...
//
// L: one invocation loads it: of sample thread_row a vec4f of dz, and one of x in each half of the tile.
// S: one invocation sums it in registers, a block in each half: thread_row down, thread_col to the right.

const THREADS = 16u;                  // invocations along the inputs, and along the units
const WORKGROUP = THREADS * THREADS;  // invocations
const BLOCK = 4u;                     // the width of a vec4f, and of a block
const HALVES = 2u;                    // blocks of inputs for each invocation
const TILE_M = BLOCK * THREADS;       // units a workgroup
const TILE_N = HALVES * TILE_M;       // inputs a workgroup
const STEP = THREADS;                 // samples a step: each row of invocations loads one
const D_STRIDE = THREADS;             // of d_tile, in vec4f
const X_STRIDE = HALVES * THREADS;    // of x_tile

override k: u32;       // inputs of the layer, padded to a multiple of 4
override n: u32;       // units of the layer, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // add to what the partial sums hold; else replace them
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(1) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

var<workgroup> d_tile: array<vec4f, STEP * D_STRIDE>; // (STEP, TILE_M / 4)
var<workgroup> x_tile: array<vec4f, STEP * X_STRIDE>; // (STEP, TILE_N / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let m = arrayLength(&dz) / (n / 4u);
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (k + TILE_N - 1u) / TILE_N;
  let tiles_m = (n + TILE_M - 1u) / TILE_M;
  let split = tile / (tiles_n * tiles_m);
  let tile_row = ((tile / tiles_n) % tiles_m) * THREADS;       // its first unit, by four
  let tile_col = (tile % tiles_n) * (HALVES * THREADS);        // its first input, by four
  let rows = (m + splits - 1u) / splits;
  let end = min((split + 1u) * rows, m);
  let thread_row = local / THREADS;
  let thread_col = local % THREADS;

  var sum: array<array<vec4f, HALVES>, BLOCK>;
  for (var u = 0u; u < BLOCK; u++) { // unroll
    for (var h = 0u; h < HALVES; h++) { // unroll
      sum[u][h] = vec4f(0.0);
    }
  }
  var seen = 0u;
  for (var step_row = split * rows; step_row < end; step_row += STEP) {
    let row = min(step_row + thread_row, end - 1u);
    let in_bounds = (step_row + thread_row) < end;
    let d = dz[(row * (n / 4u)) + min(tile_row + thread_col, (n / 4u) - 1u)];
    d_tile[local] = select(vec4f(0.0), d, in_bounds);
    for (var h = 0u; h < HALVES; h++) { // unroll
      let quad = min(tile_col + (THREADS * h) + thread_col, (k / 4u) - 1u);
      let value = x_quad(load_x((row * (k / 4u)) + quad), 0u);
      x_tile[(thread_row * X_STRIDE) + (THREADS * h) + thread_col] = select(vec4f(0.0), value, in_bounds);
    }
    workgroupBarrier();
    for (var c = 0u; c < STEP; c++) { // unroll
      let d = d_tile[(c * D_STRIDE) + thread_row];
      for (var h = 0u; h < HALVES; h++) { // unroll
        let value = x_tile[(c * X_STRIDE) + (THREADS * h) + thread_col];
        for (var u = 0u; u < BLOCK; u++) { // unroll
          sum[u][h] = fma(value, vec4f(d[u]), sum[u][h]);
        }
      }
    }
    workgroupBarrier();
    seen += min(STEP, end - step_row);
  }
  for (var u = 0u; u < BLOCK; u++) { // unroll
    for (var h = 0u; h < HALVES; h++) { // unroll
      let quad = tile_col + (THREADS * h) + thread_col;
      if (split < splits && (tile_row + thread_row) < (n / 4u) && quad < (k / 4u)) {
        let unit = (BLOCK * (tile_row + thread_row)) + u;
        let at = (((split * n) + unit) * (k / 4u)) + quad;
        var part = x_scaled(sum[u][h]);
        if (accumulate) { part += dw_partials[at]; }
        dw_partials[at] = part;
      }
    }
  }
  if (local == 0u && tile_col == 0u && tile_row == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
