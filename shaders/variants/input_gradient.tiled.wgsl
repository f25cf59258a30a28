// input_gradient, 2 of 3, for GPUs: read input_gradient.wgsl first. da = dz w.
//
// A workgroup computes a tile of da, TILE_M samples x TILE_N inputs. It goes through the units STEP at a
// time and shares them through workgroup memory. Sums run over the units in order.
//
//         dz: STEP units                   w: TILE_N inputs                da: TILE_N inputs
//         +---+---+---+---+                +---+---+-- .. --+              +---+---+-- .. --+
//  TILE_M | D |   |   |   | 4 samples STEP | W |   |        | 1 unit       | S |   |        | 4 samples of
// samples |      ...      |          units |      ...       |       TILE_M |      ...       | each half
//         +---+---+---+---+                +---+---+-- .. --+      samples +---+---+-- .. --+
//           4 units                          4 inputs                        4 inputs
//
// D: one invocation loads and transposes it, the block (load_row, load_k): a vec4f of d_tile is four samples
//    at one unit. Half of the invocations load one.
// W: one invocation loads it, thread_row down and thread_col to the right. A vec4f is four inputs.
// S: one invocation sums it in registers, a block in each half: thread_row down, thread_col to the right.

const THREADS = 16u;                  // invocations along the inputs, and along the samples
const WORKGROUP = THREADS * THREADS;  // invocations
const BLOCK = 4u;                     // the width of a vec4f, and of a block
const TILE_M = 2u * BLOCK * THREADS;  // samples a workgroup
const TILE_N = BLOCK * THREADS;       // inputs a workgroup
const STEP = THREADS;                 // units a step: each row of invocations loads one of w
const D_ROWS = TILE_M / BLOCK;        // rows of blocks to load of dz
const D_STRIDE = D_ROWS + 1u;         // of d_tile: odd, so that writers share fewer memory banks
const W_STRIDE = TILE_N / BLOCK;      // of w_tile
const STEP_BLOCKS = STEP / BLOCK;     // blocks in a row

override k: u32; // inputs of the layer, padded to a multiple of 4
override n: u32; // units of the layer, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>; // (m, n / 4)
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;  // (n, k / 4)
@group(0) @binding(2) var<storage, read_write> da: array<vec4f>; // (m, k / 4)

var<workgroup> d_tile: array<vec4f, STEP * D_STRIDE>; // (STEP, TILE_M / 4)
var<workgroup> w_tile: array<vec4f, STEP * W_STRIDE>; // (STEP, TILE_N / 4)

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let m = arrayLength(&da) / (k / 4u);
  let tile = (group.y * groups.x) + group.x;
  let tiles_n = (k + TILE_N - 1u) / TILE_N;
  let tile_row = (tile / tiles_n) * TILE_M; // its first sample
  let thread_row = local / THREADS;
  let thread_col = local % THREADS;
  let input = ((tile % tiles_n) * THREADS) + thread_col; // its inputs, by four
  let load_row = local / STEP_BLOCKS;
  let load_k = local % STEP_BLOCKS;

  var sum: array<vec4f, 2u * BLOCK>; // samples of the upper half of the tile, then of the lower half
  for (var r = 0u; r < 2u * BLOCK; r++) { // unroll
    sum[r] = vec4f(0.0);
  }
  for (var step = 0u; step < (n / 4u); step += STEP_BLOCKS) {
    if (load_row < D_ROWS) {
      let quad = min(step + load_k, (n / 4u) - 1u);
      var block: mat4x4f;
      for (var r = 0u; r < BLOCK; r++) { // unroll
        let row = min(tile_row + (BLOCK * load_row) + r, m - 1u);
        block[r] = select(vec4f(0.0), dz[(row * (n / 4u)) + quad], (step + load_k) < (n / 4u));
      }
      block = transpose(block);
      for (var c = 0u; c < BLOCK; c++) { // unroll
        d_tile[(((BLOCK * load_k) + c) * D_STRIDE) + load_row] = block[c];
      }
    }
    let unit = (4u * step) + thread_row;
    let loaded = w[(min(unit, n - 1u) * (k / 4u)) + min(input, (k / 4u) - 1u)];
    w_tile[(thread_row * W_STRIDE) + thread_col] = select(vec4f(0.0), loaded, unit < n);
    workgroupBarrier();
    for (var c = 0u; c < STEP; c++) { // unroll
      let upper = d_tile[(c * D_STRIDE) + thread_row];
      let lower = d_tile[(c * D_STRIDE) + (D_ROWS / 2u) + thread_row];
      let weights = w_tile[(c * W_STRIDE) + thread_col];
      for (var r = 0u; r < BLOCK; r++) { // unroll
        sum[r] = fma(vec4f(upper[r]), weights, sum[r]);
        sum[r + BLOCK] = fma(vec4f(lower[r]), weights, sum[r + BLOCK]);
      }
    }
    workgroupBarrier();
  }
  if (input < (k / 4u)) {
    for (var r = 0u; r < 2u * BLOCK; r++) { // unroll
      let row = tile_row + ((r / BLOCK) * (TILE_M / 2u)) + (BLOCK * thread_row) + (r % BLOCK);
      if (row < m) { da[(row * (k / 4u)) + input] = sum[r]; }
    }
  }
}
