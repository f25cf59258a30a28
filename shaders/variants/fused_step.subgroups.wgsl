// fused_step for GPUs with subgroups: of LANES lanes or a multiple of that, whichever size the driver takes.
// 1 of 2: read this head first, then fused_gpu, which is appended and has the rest of the step.
//   z1 = x w1ᵀ + b1: over a group of LANES lanes by shuffles, then over the workgroup; x = pixels / 255, with
//     1/255 applied to finished sums
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit, dz2 and dz1 = dz2 w2 where z1 > 0
//   dw1 += dz1ᵀ x, dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2
//
// After the arithmetic and the unpacking of pixels, the sum over the lanes costs most: V numbers in each of L
// lanes would take log2(L) x V shuffles. Here lanes that differ in one bit share the work: each keeps half of
// the numbers and hands over the others, so that V numbers take V shuffles. With 8 lanes, a tile of 4 images:
//
//   lane                      0      1      2      3      4      5      6      7
//   has, of all its words     z1 of images 0 to 3, all units
//   bit 0: parts of units     A      B      A      B      A      B      A      B      of images 0 to 3
//   bit 1: images             0, 2 A 0, 2 B 1, 3 A 1, 3 B 0, 2 A 0, 2 B 1, 3 A 1, 3 B
//   bit 2: images             0 A    0 B    1 A    1 B    2 A    2 B    3 A    3 B
//
// So lanes 2 t and 2 t + 1 end with image t, each with its own half of the units. At first they share the units:
// an odd lane has them in another order, the second half before the first, so that both keep their first ones.
// Then they share the images as these come, like carries of a binary counter, so that few sums wait for others.

const PARTS = 2u;
const PART = (HIDDEN + 1u) / 2u;
const TILE = LANES / PARTS; // images at a time
const LOG_TILE = firstTrailingBit(TILE);

// z1 as summed up by each group, (GROUPS, TILE, 4 x UNIT_QUADS). Padding is never written: who reads it
// leaves it out.
var<workgroup> sums: array<f32, GROUPS * TILE * 4 * UNIT_QUADS>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup_id: vec3u,
  @builtin(num_subgroups) subgroups: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  train(workgroup_id.x, (subgroup * lanes_of(subgroups)) + lane);
}

// The lanes of a subgroup, a power of 2: all subgroups are full but the last one, which may be
// partly empty. (The builtin subgroup_size may give the most that the driver takes, not what it took here.)
fn lanes_of(subgroups: u32) -> u32 {
  return 1u << (32u - countLeadingZeros((WORKGROUP - 1u) / subgroups));
}

// Leaves z1 but for b1 and 1/255, over the pixels of each group.
fn leave_sums(x: ptr<function, Words>, w1: ptr<function, Weights>, local_id: u32) {
  var sum: array<f32, PART>; // of the lane's own part
  var waiting: array<array<f32, PART>, LOG_TILE>; // waiting[s]: of 1 << s images, for the next as many
  for (var t = 0u; t < TILE; t++) { // unroll
    var z: array<f32, UNITS>;
    for (var i = 0u; i < WORDS; i++) { // unroll
      let p = vec4f(vec4u((*x)[i][t]) & MASK);
      for (var j = 0u; j < UNITS; j++) { // unroll
        z[j] = dot_add(p, (*w1)[i][j], z[j]);
      }
    }
    for (var j = 0u; j < PART; j++) { // unroll
      sum[j] = z[j] + subgroupShuffleXor(z[PART + j], 1u);
    }
    for (var s = 0u; s < LOG_TILE; s++) { // unroll
      if ((t + 1u) % (2u << s) == 0u) {
        sum = swap_halves(waiting[s], sum, local_id, 2u << s);
      }
      if ((t + 1u) % (2u << s) == 1u << s) {
        waiting[s] = sum;
      }
    }
  }
  let start = ((local_id / 2u) * (4u * UNIT_QUADS)) + ((local_id % 2u) * PART);
  for (var j = 0u; j < PART; j++) { // unroll
    sums[start + j] = sum[j];
  }
}

// Lanes whose numbers differ in `bit` only: the one without it keeps `low` and gets its neighbour's,
// the other one keeps `high`.
fn swap_halves(low: array<f32, PART>, high: array<f32, PART>, local_id: u32, bit: u32) -> array<f32, PART> {
  let upper = (local_id & bit) != 0u;
  var sum: array<f32, PART>;
  for (var j = 0u; j < PART; j++) { // unroll
    let kept = select(low[j], high[j], upper);
    let given = select(high[j], low[j], upper);
    sum[j] = kept + subgroupShuffleXor(given, bit);
  }
  return sum;
}

// What group g has summed up for quad n, 4 units of an image.
fn group_sum(g: u32, n: u32) -> vec4f {
  let at = 4u * ((g * TILE * UNIT_QUADS) + n);
  return vec4f(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
}
