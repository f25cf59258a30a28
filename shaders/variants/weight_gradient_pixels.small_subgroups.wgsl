// weight_gradient_pixels: dw += dzᵀ x for the first layer, where x = pixels / 255.
// The samples are split into `splits` ranges, each with a partial sum of its own, which
// reduce_gradient adds up in order.
// For software adapters with subgroups of 8 or 16 lanes, where loading costs more than multiplying:
// one workgroup is 8 lanes of one subgroup and sums a tile of TILE_M units x TILE_N pixels over one range in
// registers. A lane owns 16 pixels; every dz is loaded by one lane, and subgroupShuffle hands it
// round. Sums run over the samples in order. The samples are counted: the host checks the count.

const WORKGROUP = 8u; // lanes of the subgroup that work, the first ones
const ROWS = 4u;      // samples a turn: 1, 2, 4 or 8
const UNITS = 16u;    // units of the tile, all of them in each lane
const LOADS = 2u;     // UNITS / 4 x ROWS / WORKGROUP: values of dz that a lane loads a turn
const SIDE = 2u;      // WORKGROUP / ROWS: quads of units that the lanes load side by side
const TILE_M = 16u;   // UNITS
const TILE_N = 128u;  // 16 x WORKGROUP

override k: u32;       // pixels an image, padded to a multiple of 16
override n: u32;       // units, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // to what the partial sums hold; else they are replaced
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(1) var<storage, read>       pixels: array<vec4u>;      // (m, k / 16), 16 u8 each
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let m = arrayLength(&dz) / (n / 4u);
  let i = group.y * groups.x + group.x;
  let across = (k + TILE_N - 1u) / TILE_N;
  let down = (n + TILE_M - 1u) / TILE_M;
  let unit = i % down * TILE_M; // neighbours share pixels, the larger part
  let word = i / down % across * WORKGROUP + lane;
  let split = i / (across * down);
  if (split >= splits) { return; }
  let rows = (m + splits - 1u) / splits;
  let end = min((split + 1u) * rows, m);

  var sum: array<array<vec4f, 4>, UNITS>;
  for (var u = 0u; u < UNITS; u++) { // unroll
    for (var v = 0u; v < 4u; v++) { // unroll
      sum[u][v] = vec4f(0.0);
    }
  }
  var seen = 0u;
  for (var row = split * rows; row < end; row += ROWS) {
    let mine = row + lane % ROWS;
    var loaded: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) { // unroll
      let quad = min(unit / 4u + SIDE * l + lane / ROWS, n / 4u - 1u);
      loaded[l] = select(vec4f(0.0), dz[min(mine, end - 1u) * (n / 4u) + quad], mine < end);
    }
    var x: array<array<vec4f, 4>, ROWS>;
    for (var r = 0u; r < ROWS; r++) { // unroll
      let words = pixels[min(row + r, end - 1u) * (k / 16u) + min(word, k / 16u - 1u)];
      for (var v = 0u; v < 4u; v++) { // unroll
        x[r][v] = pixels_of(words[v]);
      }
    }
    for (var u = 0u; u < UNITS; u++) { // unroll
      var d: array<f32, ROWS>;
      for (var r = 0u; r < ROWS; r++) { // unroll
        d[r] = subgroupShuffle(loaded[u / 4u / SIDE][u % 4u], u / 4u % SIDE * ROWS + r);
      }
      for (var v = 0u; v < 4u; v++) { // unroll
        for (var r = 0u; r < ROWS; r++) { // unroll
          sum[u][v] = fma(x[r][v], vec4f(d[r]), sum[u][v]);
        }
      }
    }
    seen += min(ROWS, end - row);
  }
  // One unit a turn, chosen from the registers: written out, this would take longer to compile than
  // all that comes before it.
  for (var u = 0u; u < min(UNITS, n - unit); u++) {
    for (var v = 0u; v < 4u; v++) { // unroll
      var chosen = vec4f(0.0);
      for (var s = 0u; s < UNITS; s++) { // unroll
        chosen = select(chosen, sum[s][v], u == s);
      }
      let at = ((split * n + unit + u) * (k / 16u) + word) * 4u + v;
      if (word < k / 16u) {
        chosen = chosen / 255.0;
        if (accumulate) { chosen += dw_partials[at]; }
        dw_partials[at] = chosen;
      }
    }
  }
  if (word == 0u && unit == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
