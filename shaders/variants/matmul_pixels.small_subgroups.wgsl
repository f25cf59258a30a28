// matmul_pixels: z = x wᵀ + b for the first layer, where x = pixels / 255. 1/255 is applied once, to
// the finished sum.
// For software adapters with subgroups of 8 or 16 lanes, where loading costs more than multiplying:
// one workgroup is 8 lanes of one subgroup and computes a tile of TILE_M images x TILE_N units in registers. A
// lane owns the images lane, lane + 8, ...; it loads the weights of the units lane, lane + 8, ...
// and subgroupShuffle hands these round. Sums run over the pixels in order. The loop over the four
// words of a vec4u stays a loop: written out, it would no longer fit the cache for instructions.

const WORKGROUP = 8u; // lanes of the subgroup that work, the first ones
const ROWS = 8u;      // images a lane
const UNITS = 16u;    // units of the tile, all of them in each lane
const LOADS = 2u;     // UNITS / WORKGROUP: weights that a lane loads
const QUADS = 4u;     // UNITS / 4
const TILE_M = 64u;   // ROWS x WORKGROUP
const TILE_N = 16u;   // UNITS

override k: u32; // pixels an image, padded to a multiple of 16
override n: u32; // units, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       pixels: array<vec4u>; // (m, k / 16), 16 u8 each
@group(0) @binding(1) var<storage, read>       w: array<vec4f>;      // (n, k / 4)
@group(0) @binding(2) var<storage, read>       b: array<vec4f>;      // (n / 4)
@group(0) @binding(3) var<storage, read_write> z: array<vec4f>;      // (m, n / 4)

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
  for (var q = 0u; q < k / 16u; q++) {
    var words: array<vec4u, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      words[r] = pixels[min(row + WORKGROUP * r, m - 1u) * (k / 16u) + q];
    }
    for (var v = 0u; v < 4u; v++) {
      var loaded: array<vec4f, LOADS>;
      for (var l = 0u; l < LOADS; l++) { // unroll
        loaded[l] = w[min(unit + WORKGROUP * l + lane, n - 1u) * (k / 4u) + 4u * q + v];
      }
      var x: array<vec4f, ROWS>;
      for (var r = 0u; r < ROWS; r++) { // unroll
        x[r] = pixels_of(word_of(words[r], v));
      }
      for (var u = 0u; u < UNITS; u++) { // unroll
        let weights = subgroupShuffle(loaded[u / WORKGROUP], u % WORKGROUP);
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[r][u / 4u][u % 4u] = dot_add(x[r], weights, sum[r][u / 4u][u % 4u]);
        }
      }
    }
  }
  for (var c = 0u; c < QUADS; c++) { // unroll
    if (unit + 4u * c < n) {
      let bias = b[unit / 4u + c];
      for (var r = 0u; r < ROWS; r++) { // unroll
        let at = row + WORKGROUP * r;
        if (at < m) { z[at * (n / 4u) + unit / 4u + c] = sum[r][c] / 255.0 + bias; }
      }
    }
  }
}

// words[v], by choices: a vector in a register is not indexed by a variable.
fn word_of(words: vec4u, v: u32) -> u32 {
  return select(select(words.x, words.y, v == 1u), select(words.z, words.w, v == 3u), v > 1u);
}
