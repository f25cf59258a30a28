// fused_gpu: what fused_step.subgroups and fused_step.workgroup share. It is appended to both; read it second,
// after the head of one of them. They differ in how z1 is summed over the lanes of a group.
//
// A workgroup takes a tile of TILE images at a time. Each lane owns WORDS words of 4 pixels of every image. It
// keeps their weights and the sums of their gradients in registers, from the load of a pixel to its gradient.
// So every pixel is loaded once an iteration. With 784 pixels and 128 lanes:
//
//   word of 4 pixels    0   1   2  ..  127 | 128 129 ..  195
//   its lane            0   1   2  ..  127 |   0   1 ..   67     local_id, the lane's number in its workgroup
//                            i = 0                i = 1
//
// What is not about pixels is a table of a tile, spread over the lanes: entry n is computed by lane
// n % WORKGROUP in round n / WORKGROUP. Workgroup memory hands it on, with a barrier after each step:
//
//   step                        entry                        reads             leaves
//   leave_sums (the variant's)  each lane, its words         pixels            sums: a group's z1
//   activate                    4 units of an image          sums              a1
//   classify                    1 class of an image          a1                z2
//   derive                      4 units of an image's part   z2, a1            dz1, dz2; loss and hit
//   head_gradient               4 numbers of dw2, db1, db2   a1, dz1, dz2      a register
//   backward                    each lane, its words         dz1               registers: dw1
//
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient (laid out as
// the parameters are), of the loss and of the hits, and counts its images. All loops over lanes, images and
// units are unrolled, so that the sums stay in registers.
//
// A variant deals out an image's units in PARTS parts. The host appends, as `const` lines:
//   WORKGROUP, LANES     lanes of a workgroup, and of a group that sums up z1
//   IMAGE, WORDS         words of an image, and of a lane
//   HIDDEN, CLASSES      units of layers 1 and 2
//   B1, W2, B2, LEN      places and length of the parameters, in quads (of 4 numbers)

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       pixels: array<u32>;         // (m, IMAGE), 4 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> correct_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

const GROUPS = WORKGROUP / LANES;
const UNIT_QUADS = (HIDDEN + 3u) / 4u;
const CLASS_QUADS = (CLASSES + 3u) / 4u;
const UNITS = PARTS * PART;             // HIDDEN, rounded up to full parts
const PART_QUADS = (PART + 3u) / 4u;
const DZ1_QUADS = PARTS * PART_QUADS;   // of an image

// Quads of the gradients of w2, then b1, then b2: (CLASSES, UNIT_QUADS), (UNIT_QUADS), (CLASS_QUADS)
const OF_B1 = CLASSES * UNIT_QUADS;
const OF_B2 = OF_B1 + UNIT_QUADS;
const HEAD = OF_B2 + CLASS_QUADS;

// Entries of each table for a lane.
const A1_ROUNDS = ((TILE * UNIT_QUADS) + WORKGROUP - 1u) / WORKGROUP;
const Z2_ROUNDS = ((TILE * CLASSES) + WORKGROUP - 1u) / WORKGROUP;
const DZ1_ROUNDS = ((TILE * DZ1_QUADS) + WORKGROUP - 1u) / WORKGROUP;
const HEAD_ROUNDS = (HEAD + WORKGROUP - 1u) / WORKGROUP;

alias Words = array<array<u32, TILE>, WORDS>;      // a lane's pixels of each image
alias Weights = array<array<vec4f, UNITS>, WORDS>; // their weights or gradients, in the order of unit_of

// Padding of dz2 is never written: who reads it leaves it out.
var<workgroup> a1: array<vec4f, TILE * UNIT_QUADS>;
var<workgroup> z2: array<f32, TILE * CLASSES>;
var<workgroup> dz2: array<f32, TILE * 4 * CLASS_QUADS>;
var<workgroup> dz1: array<vec4f, TILE * DZ1_QUADS>; // (TILE, PARTS, PART_QUADS); at the end the lanes' totals

// Forward, pixels stay where they are in their word, 1, 256, 65536 and 16777216 times too large, and their
// weights are as many times too small: no shifts, and the same products, as powers of 2 round nothing.
// Backward they are shifted. (If both did the same, compilers would keep all pixels of a tile as numbers in
// between, in four times the registers.)
const MASK = vec4u(0xffu, 0xff00u, 0xff0000u, 0xff000000u);
const SCALE = 1.0 / vec4f(1.0, 256.0, 65536.0, 16777216.0);

// The iteration of one workgroup.
fn train(split: u32, local_id: u32) {
  var w1: Weights;
  load_weights(&w1, local_id);
  var dw1: Weights;
  var dhead: array<vec4f, HEAD_ROUNDS>;
  var totals = vec4f(0.0); // of the lane's images: loss, hits and images (whole numbers below 2^24)

  let rows = (arrayLength(&labels) + splits - 1u) / splits;
  let end = min((split + 1u) * rows, arrayLength(&labels));
  var x: Words;
  load(&x, split * rows, end, local_id);
  for (var first = split * rows; first < end; first += TILE) {
    leave_sums(&x, &w1, local_id);
    workgroupBarrier();
    for (var r = 0u; r < A1_ROUNDS; r++) { // unroll
      activate((r * WORKGROUP) + local_id);
    }
    workgroupBarrier();
    for (var r = 0u; r < Z2_ROUNDS; r++) { // unroll
      classify((r * WORKGROUP) + local_id);
    }
    workgroupBarrier();
    for (var r = 0u; r < DZ1_ROUNDS; r++) { // unroll
      totals += derive((r * WORKGROUP) + local_id, first, end);
    }
    workgroupBarrier();
    for (var r = 0u; r < HEAD_ROUNDS; r++) { // unroll
      dhead[r] += head_gradient((r * WORKGROUP) + local_id);
    }
    backward(&dw1, &x, first + TILE, end, local_id);
  }

  store(&dw1, split * LEN, local_id);
  for (var r = 0u; r < HEAD_ROUNDS; r++) { // unroll
    store_head(split * LEN, (r * WORKGROUP) + local_id, dhead[r]);
  }
  workgroupBarrier();
  if (local_id < TILE * DZ1_QUADS) {
    dz1[local_id] = totals;
  }
  workgroupBarrier();
  if (local_id == 0u) {
    store_totals(split);
  }
}

// The unit in place j of a lane: lanes whose numbers differ in 1 start with different parts.
fn unit_of(j: u32, local_id: u32) -> u32 {
  return (j + ((local_id % PARTS) * PART)) % UNITS;
}

// The weights of a lane's pixels. Those past the image's end and of units that the last part lacks are 0.
fn load_weights(w1: ptr<function, Weights>, local_id: u32) {
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = (i * WORKGROUP) + local_id;
    for (var j = 0u; j < UNITS; j++) { // unroll
      let unit = unit_of(j, local_id);
      let loaded = parameters[(min(unit, HIDDEN - 1u) * IMAGE) + min(word, IMAGE - 1u)];
      (*w1)[i][j] = select(vec4f(0.0), loaded * SCALE, word < IMAGE && unit < HIDDEN);
    }
  }
}

// A lane's pixels of TILE images.
fn load(x: ptr<function, Words>, first: u32, end: u32, local_id: u32) {
  for (var t = 0u; t < TILE; t++) { // unroll
    for (var i = 0u; i < WORDS; i++) { // unroll
      (*x)[i][t] = word_at(first + t, i, end, local_id);
    }
  }
}

// A lane's word i of an image; past the last image it is that of the last one.
fn word_at(image: u32, i: u32, end: u32, local_id: u32) -> u32 {
  return pixels[(min(image, end - 1u) * IMAGE) + min((i * WORKGROUP) + local_id, IMAGE - 1u)];
}

// a1 of quad n, 4 units of an image: the sum over the groups, the bias, ReLU.
fn activate(n: u32) {
  if (n >= TILE * UNIT_QUADS) { return; }
  let quad = n % UNIT_QUADS;
  var z1 = vec4f(0.0);
  for (var g = 0u; g < GROUPS; g++) { // unroll
    z1 += group_sum(g, n);
  }
  let unit = (4u * quad) + vec4u(0u, 1u, 2u, 3u);
  let z = (z1 / 255.0) + parameters[B1 + quad];
  let a = select(z, vec4f(0.0), z < vec4f(0.0)); // not max: a NaN goes on to the loss, where it is noticed
  a1[n] = select(vec4f(0.0), a, unit < vec4u(HIDDEN));
}

// z2 of one class of an image.
fn classify(n: u32) {
  if (n >= TILE * CLASSES) { return; }
  let t = n / CLASSES;
  let c = n % CLASSES;
  var z = parameters[B2 + (c / 4u)][c % 4u];
  for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
    z = dot_add(a1[(t * UNIT_QUADS) + q], parameters[W2 + (c * UNIT_QUADS) + q], z);
  }
  z2[n] = z;
}

// dz1 of quad n, 4 units of one of an image's parts, and with the first quad of an image its dz2; both are 0
// from image `end` on. Gives, with the first quad, the image's loss, its hit, and 1 for the image.
fn derive(n: u32, first: u32, end: u32) -> vec4f {
  if (n >= TILE * DZ1_QUADS) { return vec4f(0.0); }
  let t = n / DZ1_QUADS;
  let quad = n % DZ1_QUADS;
  let live = first + t < end;
  let label = labels[min(first + t, arrayLength(&labels) - 1u)];
  var e: array<f32, CLASSES>; // z2, then its exponentials
  var best = 0u;
  var top = z2[t * CLASSES];
  var at_label = top;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    e[c] = z2[(t * CLASSES) + c];
    best = select(best, c, e[c] > top);
    top = select(top, e[c], e[c] > top);
    at_label = select(at_label, e[c], c == label);
  }
  var total = 0.0;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    e[c] = exp(e[c] - top);
    total += e[c];
  }
  // The first of 4 units. Those from HIDDEN on, and past a part's end, get numbers that nobody uses.
  let unit = ((quad / PART_QUADS) * PART) + (4u * (quad % PART_QUADS));
  var da1 = vec4f(0.0);
  for (var c = 0u; c < CLASSES; c++) { // unroll
    let p = e[c] / total;
    let d = select(0.0, select(p, p - 1.0, c == label), live);
    if (quad == 0u) { dz2[(t * 4u * CLASS_QUADS) + c] = d; }
    for (var v = 0u; v < 4u; v++) { // unroll
      da1[v] = fma(d, parameters[W2 + (c * UNIT_QUADS) + ((unit + v) / 4u)][(unit + v) % 4u], da1[v]);
    }
  }
  for (var v = 0u; v < 4u; v++) { // unroll
    let j = min(unit + v, HIDDEN - 1u);
    da1[v] = select(0.0, da1[v], a1[(t * UNIT_QUADS) + (j / 4u)][j % 4u] > 0.0);
  }
  dz1[n] = da1;
  let figures = vec4f(log(total) - (at_label - top), f32(best == label), 1.0, 0.0);
  return select(vec4f(0.0), figures, live && quad == 0u);
}

// Quad n of the gradients of w2, b1 and b2 over the tile: a sum of dz2 x a1, dz1 or dz2.
fn head_gradient(n: u32) -> vec4f {
  var sum = vec4f(0.0);
  if (n < OF_B1) {
    let c = n / UNIT_QUADS;
    for (var t = 0u; t < TILE; t++) { // unroll
      sum += dz2[(t * 4u * CLASS_QUADS) + c] * a1[(t * UNIT_QUADS) + (n % UNIT_QUADS)];
    }
  } else if (n < OF_B2) {
    for (var v = 0u; v < 4u; v++) { // unroll
      let unit = (4u * (n - OF_B1)) + v;
      let j = min(unit, HIDDEN - 1u);
      let quad = ((j / PART) * PART_QUADS) + ((j % PART) / 4u);
      for (var t = 0u; t < TILE; t++) { // unroll
        sum[v] += select(0.0, dz1[(t * DZ1_QUADS) + quad][(j % PART) % 4u], unit < HIDDEN);
      }
    }
  } else if (n < HEAD) {
    let c = 4u * (n - OF_B2);
    for (var t = 0u; t < TILE; t++) { // unroll
      let at = (t * 4u * CLASS_QUADS) + c;
      sum += vec4f(dz2[at], dz2[at + 1u], dz2[at + 2u], dz2[at + 3u]);
    }
    sum = select(vec4f(0.0), sum, c + vec4u(0u, 1u, 2u, 3u) < vec4u(CLASSES));
  }
  return sum;
}

// dw1 += dz1ᵀ x over the tile, for a lane's pixels. Each word that is used for the last time makes room for
// one of the tile that starts at `next`: it is loaded while the lane computes.
fn backward(dw1: ptr<function, Weights>, x: ptr<function, Words>, next: u32, end: u32, local_id: u32) {
  for (var t = 0u; t < TILE; t++) { // unroll
    var d: array<vec4f, DZ1_QUADS>; // in the order of the lane's parts
    for (var p = 0u; p < PARTS; p++) { // unroll
      let part = (p + local_id) % PARTS;
      for (var q = 0u; q < PART_QUADS; q++) { // unroll
        d[(p * PART_QUADS) + q] = dz1[(t * DZ1_QUADS) + (part * PART_QUADS) + q];
      }
    }
    for (var i = 0u; i < WORDS; i++) { // unroll
      let p = pixels_of((*x)[i][t]);
      for (var j = 0u; j < UNITS; j++) { // unroll
        let at = ((j / PART) * (4u * PART_QUADS)) + (j % PART);
        (*dw1)[i][j] = fma(p, vec4f(d[at / 4u][at % 4u]), (*dw1)[i][j]);
      }
      (*x)[i][t] = word_at(next + t, i, end, local_id);
    }
  }
}

// Leaves dw1 of a lane's pixels in the partial sums that start at `start`.
fn store(dw1: ptr<function, Weights>, start: u32, local_id: u32) {
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = (i * WORKGROUP) + local_id;
    for (var j = 0u; j < UNITS; j++) { // unroll
      let unit = unit_of(j, local_id);
      if (word < IMAGE && unit < HIDDEN) { partials[start + (unit * IMAGE) + word] = (*dw1)[i][j] / 255.0; }
    }
  }
}

// Leaves quad n of the gradients of w2, b1 and b2.
fn store_head(start: u32, n: u32, sum: vec4f) {
  if (n < OF_B1) {
    partials[start + W2 + n] = sum;
  } else if (n < OF_B2) {
    partials[start + B1 + (n - OF_B1)] = sum;
  } else if (n < HEAD) {
    partials[start + B2 + (n - OF_B2)] = sum;
  }
}

// Adds up loss, hits and images of the lanes that have some.
fn store_totals(split: u32) {
  var totals = vec4f(0.0);
  for (var lane = 0u; lane < min(TILE * DZ1_QUADS, WORKGROUP); lane++) {
    totals += dz1[lane];
  }
  loss_partials[split] = totals.x;
  correct_partials[split] = u32(totals.y);
  atomicAdd(&samples_seen[counter], u32(totals.z));
}
