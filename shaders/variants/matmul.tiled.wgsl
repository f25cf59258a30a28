// matmul and matmul_pixels, 2 of 3, for GPUs: read matmul.wgsl first. z = x wᵀ + b.
// x_f32.wgsl or x_u8.wgsl, which is appended to this file, reads x.
//
// A workgroup computes a tile of z, TILE_M samples x TILE_N units. It goes through the inputs TILE_K at
// a time and shares them through workgroup memory. Sums run over k in order; the bias is added last.
//
//          x: TILE_K inputs                 z: TILE_N units
//          +---+---+---+---+                +---+---+-- .. --+
//   TILE_M | L |   |   |   |  4 samples     | S |   |        |  4 samples of the upper half,
//  samples +---+---+---+---+                +---+---+-- .. --+  and 4 of the lower half
//          |      ...      |                |      ...       |
//          w: TILE_K inputs                   4 units
//          +---+---+---+---+
//   TILE_N | L |   |   |   |  4 units
//    units |      ...      |
//
// L: one invocation loads and transposes it. A vec4f of x_tile is four samples at one input, and one of
//    w_tile four units. load_row counts the rows of blocks, first those of x.
// S: one invocation sums it in registers: thread_row down, thread_col to the right.

const THREADS = 16u;                  // invocations along the units, and along the samples
const WORKGROUP = THREADS * THREADS;  // invocations
const BLOCK = 4u;                     // the width of a vec4f, and of a block
const TILE_M = 2u * BLOCK * THREADS;  // samples a workgroup
const TILE_N = BLOCK * THREADS;       // units a workgroup
const TILE_K = 16u;                   // inputs a step
const X_ROWS = TILE_M / BLOCK;        // rows of blocks to load of x
const W_ROWS = TILE_N / BLOCK;        // and of w
const K_BLOCKS = TILE_K / BLOCK;      // blocks in a row
const X_STRIDE = X_ROWS + 1u;         // of x_tile: odd, so that writers share fewer memory banks
const W_STRIDE = W_ROWS + 1u;         // of w_tile
const_assert K_BLOCKS * (X_ROWS + W_ROWS) <= WORKGROUP; // each invocation loads one block at most

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

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
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (n + TILE_N - 1u) / TILE_N;
  let tile_row = (tile / tiles_n) * TILE_M; // its first sample
  let tile_col = (tile % tiles_n) * TILE_N; // its first unit
  let thread_row = local / THREADS;
  let thread_col = local % THREADS;
  let load_row = local / K_BLOCKS;
  let load_k = local % K_BLOCKS;

  var sum: array<vec4f, 2u * BLOCK>; // samples of the upper half of the tile, then of the lower one
  var total: array<vec4f, 2u * BLOCK>; // of the short sums that a long one is made of
  for (var k_step = 0u; k_step < (k / 4u); k_step += K_BLOCKS) {
    if ((k > LONG_SUM) && ((k_step % (SHORT_SUM / 4u)) == 0u)) {
      for (var r = 0u; r < 2u * BLOCK; r++) { // unroll
        total[r] += sum[r];
        sum[r] = vec4f(0.0);
      }
    }
    let quad = min(k_step + load_k, (k / 4u) - 1u);
    let in_bounds = (k_step + load_k) < (k / 4u);
    if (load_row < X_ROWS) {
      var block: mat4x4f;
      for (var r = 0u; r < BLOCK; r++) { // unroll
        let row = min(tile_row + (BLOCK * load_row) + r, m - 1u);
        block[r] = select(vec4f(0.0), x_quad(load_x((row * (k / 4u)) + quad), 0u), in_bounds);
      }
      block = transpose(block);
      for (var c = 0u; c < BLOCK; c++) { // unroll
        x_tile[(((BLOCK * load_k) + c) * X_STRIDE) + load_row] = block[c];
      }
    } else if (load_row < (X_ROWS + W_ROWS)) {
      let w_row = load_row - X_ROWS;
      var block: mat4x4f;
      for (var u = 0u; u < BLOCK; u++) { // unroll
        let unit = min(tile_col + (BLOCK * w_row) + u, n - 1u);
        block[u] = select(vec4f(0.0), w[(unit * (k / 4u)) + quad], in_bounds);
      }
      block = transpose(block);
      for (var c = 0u; c < BLOCK; c++) { // unroll
        w_tile[(((BLOCK * load_k) + c) * W_STRIDE) + w_row] = block[c];
      }
    }
    workgroupBarrier();
    for (var c = 0u; c < TILE_K; c++) { // unroll
      let upper = x_tile[(c * X_STRIDE) + thread_row];
      let lower = x_tile[(c * X_STRIDE) + (X_ROWS / 2u) + thread_row];
      let weights = w_tile[(c * W_STRIDE) + thread_col];
      for (var r = 0u; r < BLOCK; r++) { // unroll
        sum[r] = fma(vec4f(upper[r]), weights, sum[r]);
        sum[r + BLOCK] = fma(vec4f(lower[r]), weights, sum[r + BLOCK]);
      }
    }
    workgroupBarrier();
  }
  let quad = (tile_col / 4u) + thread_col;
  if (quad < (n / 4u)) {
    for (var r = 0u; r < 2u * BLOCK; r++) { // unroll
      let row = tile_row + ((r / BLOCK) * (TILE_M / 2u)) + (BLOCK * thread_row) + (r % BLOCK);
      if (row < m) { z[(row * (n / 4u)) + quad] = x_scaled(total[r] + sum[r]) + b[quad]; }
    }
  }
}
