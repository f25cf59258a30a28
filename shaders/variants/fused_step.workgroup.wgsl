// fused_step without subgroups: for GPUs that have none, or of fewer than 8 lanes.
// 1 of 2: read this head first, then fused_gpu, which is appended and has the rest of the step.
//   z1 = x w1ᵀ + b1: over a group of LANES lanes, then over the workgroup, all through workgroup memory;
//     x = pixels / 255, with 1/255 applied to finished sums
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit, dz2 and dz1 = dz2 w2 where z1 > 0
//   dw1 += dz1ᵀ x, dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2
//
// One unit at a time passes through the workgroup memory, which holds no more: so a tile takes 2 barriers a
// unit. Lane t of a group adds up image t. With 8 lanes, a tile of 8 images, and `sums` as quads of images:
//
//   lane of the group     0        1        2      ..   7
//   leaves                z1 of its words for images 0 to 3 in row 0 and 4 to 7 in row 1:
//     row 0               0 .. 3   0 .. 3   0 .. 3 ..   0 .. 3
//     row 1               4 .. 7   4 .. 7   4 .. 7 ..   4 .. 7
//   adds up over all      0        1        2      ..   7

const PARTS = 1u; // an image's units are one part, and not two halves as in fused_step.subgroups
const PART = HIDDEN;
const TILE = LANES; // images at a time
const TILE_QUADS = TILE / 4u;
const PITCH = WORKGROUP + 1u; // of a row: one more than needed, so that lanes of a group read from different banks

// First the sums of one unit, (TILE_QUADS, PITCH), then z1 as summed up by each group, (GROUPS, TILE, UNIT_QUADS).
var<workgroup> sums: array<vec4f, max(TILE_QUADS * PITCH, GROUPS * TILE * UNIT_QUADS)>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) workgroup_id: vec3u, @builtin(local_invocation_index) local_id: u32) {
  train(workgroup_id.x, local_id);
}

// Leaves z1 but for b1 and 1/255, over the pixels of each group.
fn leave_sums(x: ptr<function, Words>, w1: ptr<function, Weights>, local_id: u32) {
  let t = local_id % LANES; // the lane's image, and its number in its group
  var sum: array<f32, 4 * UNIT_QUADS>;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var q = 0u; q < TILE_QUADS; q++) { // unroll
      var z = vec4f(0.0);
      for (var v = 0u; v < 4u; v++) { // unroll
        for (var i = 0u; i < WORDS; i++) { // unroll
          z[v] = dot_add(vec4f(vec4u((*x)[i][(4u * q) + v]) & MASK), (*w1)[i][j], z[v]);
        }
      }
      sums[(q * PITCH) + local_id] = z;
    }
    workgroupBarrier();
    let first = ((t / 4u) * PITCH) + (local_id - t);
    for (var n = 0u; n < LANES; n++) { // unroll
      sum[j] += sums[first + n][t % 4u];
    }
    workgroupBarrier();
  }
  for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
    sums[(local_id * UNIT_QUADS) + q] =
      vec4f(sum[4u * q], sum[(4u * q) + 1u], sum[(4u * q) + 2u], sum[(4u * q) + 3u]);
  }
}

// What group g has summed up for quad n, 4 units of an image.
fn group_sum(g: u32, n: u32) -> vec4f {
  return sums[(g * TILE * UNIT_QUADS) + n];
}
