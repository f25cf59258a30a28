// fused_step for GPUs with subgroups: of 2 x TILE lanes or a multiple of that, whichever size the driver
// takes. A workgroup takes TILE images a turn, and each lane owns WORDS words of 4 pixels of every image: it
// keeps their weights and the sums of their gradients in registers, from the load of a pixel to its
// gradient; so every pixel is loaded once an iteration. A lane's number in its workgroup is its place.
//   z1 = x w1ᵀ + b1: over a group of 2 x TILE lanes by shuffles, then over the workgroup; x = pixels / 255,
//     with 1/255 applied to finished sums
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit, dz2 and dz1 = dz2 w2 where z1 > 0: spread over the
//     lanes, step by step
//   dw1 += dz1ᵀ x: every lane for its pixels; dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2: spread
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient,
// laid out as the parameters are, of the loss and of the hits, and counts its images. All loops over
// lanes, images and units are unrolled, so that the sums stay in registers.
//
// After the arithmetic and the unpacking of pixels, the sum over the lanes costs most: V numbers in each of L
// lanes would take log2(L) x V shuffles. Here lanes that differ in one bit share the work: each keeps half of
// the numbers and hands over the others, so that V numbers take V shuffles. At first they share the units: an
// odd lane has them in another order, the second half before the first, so that both keep their first ones.
// Then they share the images: as these come, like carries of a binary counter, so that few sums wait for
// others.
//
// The host appends the sizes as `const` lines, as array lengths must be. A quad is 4 numbers:
//   WORKGROUP: lanes, TILE = 1 << LOG_TILE: images a turn, GROUPS: of 2 x TILE lanes in a workgroup
//   IMAGE: words of 4 pixels, WORDS: those of a lane, HIDDEN, UNIT_QUADS: its quads, CLASSES, CLASS_QUADS
//   HALF: half of the hidden units, rounded up, HALF_QUADS: its quads, UNITS = 2 x HALF
//   A1_ROUNDS, Z2_ROUNDS, DZ1_ROUNDS: quads of a1, numbers of z2 and quads of dz1 of a lane; ROUNDS: quads of
//   the gradients of b1, w2 and b2 that it adds up
//   B1, W2, B2, LEN: places and length of the parameters in quads

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       pixels: array<u32>;         // (m, IMAGE), 4 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> correct_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

alias Words = array<array<u32, TILE>, WORDS>;      // a lane's pixels of each image
alias Weights = array<array<vec4f, UNITS>, WORDS>; // their weights or gradients, for the lane's units
alias Units = array<f32, UNITS>;                   // a number for each of these
alias Half = array<f32, HALF>;                     // a number for each of the first half of them

// What the lanes hand each other. sums: z1 as summed up by each group, (GROUPS, TILE, 4 x UNIT_QUADS).
// a1: (TILE, UNIT_QUADS). z2: (TILE, CLASSES), dz2: (TILE, 4 x CLASS_QUADS). dz1: the two halves of an
// image's units, (TILE, 2, HALF_QUADS); at the end the lanes' totals. Padding of sums and dz2 is never
// written: who reads it leaves it out.
var<workgroup> sums: array<f32, GROUPS * TILE * 4 * UNIT_QUADS>;
var<workgroup> a1: array<vec4f, TILE * UNIT_QUADS>;
var<workgroup> z2: array<f32, TILE * CLASSES>;
var<workgroup> dz2: array<f32, TILE * 4 * CLASS_QUADS>;
var<workgroup> dz1: array<vec4f, TILE * DZ1_QUADS>;
const DZ1_QUADS = 2 * HALF_QUADS; // of an image

// Quads of the gradients of w2, then b1, then b2: (CLASSES, UNIT_QUADS), (UNIT_QUADS), (CLASS_QUADS)
const OF_B1 = CLASSES * UNIT_QUADS;
const OF_B2 = OF_B1 + UNIT_QUADS;
const HEAD = OF_B2 + CLASS_QUADS;

// Forward, pixels stay where they are in their word, 1, 256, 65536 and 16777216 times too large, and their
// weights are as many times too small: no shifts, and the same products, as powers of 2 round nothing.
// Backward they are shifted. (Made alike, drivers would keep all pixels of a tile as numbers in between, in four
// times the registers.)
const MASK = vec4u(0xffu, 0xff00u, 0xff0000u, 0xff000000u);
const SCALE = 1.0 / vec4f(1.0, 256.0, 65536.0, 16777216.0);

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) split: vec3u,
  @builtin(num_subgroups) subgroups: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let place = subgroup * lanes_of(subgroups) + lane;
  var w1: Weights;
  load_weights(&w1, place);
  var dw1: Weights;
  var dhead: array<vec4f, ROUNDS>;
  var totals = vec4f(0.0); // of the lane's images: loss, hits and images (whole numbers below 2^24)

  let rows = (arrayLength(&labels) + splits - 1u) / splits;
  let end = min((split.x + 1u) * rows, arrayLength(&labels));
  var x: Words;
  load(&x, split.x * rows, end, place);
  for (var first = split.x * rows; first < end; first += TILE) {
    let sum = group_sums(&x, &w1, place);
    for (var j = 0u; j < HALF; j++) { // unroll
      sums[place / 2u * 4u * UNIT_QUADS + place % 2u * HALF + j] = sum[j];
    }
    workgroupBarrier();
    for (var r = 0u; r < A1_ROUNDS; r++) { // unroll
      activate(r * WORKGROUP + place);
    }
    workgroupBarrier();
    for (var r = 0u; r < Z2_ROUNDS; r++) { // unroll
      classify(r * WORKGROUP + place);
    }
    workgroupBarrier();
    for (var r = 0u; r < DZ1_ROUNDS; r++) { // unroll
      totals += derive(r * WORKGROUP + place, first, end);
    }
    workgroupBarrier();
    for (var r = 0u; r < ROUNDS; r++) { // unroll
      dhead[r] += head_gradient(r * WORKGROUP + place);
    }
    backward(&dw1, &x, first + TILE, end, place);
  }

  store(&dw1, split.x * LEN, place);
  for (var r = 0u; r < ROUNDS; r++) { // unroll
    store_head(split.x * LEN, r * WORKGROUP + place, dhead[r]);
  }
  workgroupBarrier();
  if (place < TILE * DZ1_QUADS) {
    dz1[place] = totals;
  }
  workgroupBarrier();
  if (place == 0u) {
    store_totals(split.x);
  }
}

// The lanes of a subgroup, a power of 2: all subgroups are full but the last one, which may be
// partly empty. (The builtin subgroup_size may tell the most that the driver takes, not what it took here.)
fn lanes_of(subgroups: u32) -> u32 {
  return 1u << (32u - countLeadingZeros((WORKGROUP - 1u) / subgroups));
}

// Unit j of a lane: its own half of the units comes first, then that of its neighbour.
fn unit_of(j: u32, place: u32) -> u32 {
  return (j + place % 2u * HALF) % UNITS;
}

// The weights of the pixels of a lane: words place, WORKGROUP + place, ... Those past the image's end and
// those of a unit that an odd number of units lacks are 0.
fn load_weights(w: ptr<function, Weights>, place: u32) {
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = i * WORKGROUP + place;
    for (var j = 0u; j < UNITS; j++) { // unroll
      let unit = unit_of(j, place);
      let loaded = parameters[min(unit, HIDDEN - 1u) * IMAGE + min(word, IMAGE - 1u)];
      (*w)[i][j] = select(vec4f(0.0), loaded * SCALE, word < IMAGE && unit < HIDDEN);
    }
  }
}

// A lane's pixels of TILE images.
fn load(x: ptr<function, Words>, first: u32, end: u32, place: u32) {
  for (var t = 0u; t < TILE; t++) { // unroll
    for (var i = 0u; i < WORDS; i++) { // unroll
      (*x)[i][t] = word_at(first + t, i, end, place);
    }
  }
}

// A lane's word i of an image; past the last image it is that of the last one.
fn word_at(image: u32, i: u32, end: u32, place: u32) -> u32 {
  return pixels[min(image, end - 1u) * IMAGE + min(i * WORKGROUP + place, IMAGE - 1u)];
}

// z1 but for b1 and 1/255, over the pixels of a group: its lanes 2 t and 2 t + 1 have that of image t, each
// for its own half of the units.
fn group_sums(x: ptr<function, Words>, w1: ptr<function, Weights>, place: u32) -> Half {
  var sum: Half;
  var waiting: array<Half, LOG_TILE>; // waiting[s]: of 1 << s images, for the next as many
  for (var t = 0u; t < TILE; t++) { // unroll
    var z: Units;
    for (var i = 0u; i < WORDS; i++) { // unroll
      let p = vec4f(vec4u((*x)[i][t]) & MASK);
      for (var j = 0u; j < UNITS; j++) { // unroll
        z[j] = dot_add(p, (*w1)[i][j], z[j]);
      }
    }
    for (var j = 0u; j < HALF; j++) { // unroll
      sum[j] = z[j] + subgroupShuffleXor(z[HALF + j], 1u);
    }
    for (var s = 0u; s < LOG_TILE; s++) { // unroll
      if ((t + 1u) % (2u << s) == 0u) {
        sum = swap_halves(waiting[s], sum, place, 2u << s);
      }
      if ((t + 1u) % (2u << s) == 1u << s) {
        waiting[s] = sum;
      }
    }
  }
  return sum;
}

// Lanes whose numbers differ in `bit` only: the one without it keeps `low` and gets its neighbour's,
// the other one keeps `high`.
fn swap_halves(low: Half, high: Half, place: u32, bit: u32) -> Half {
  let upper = (place & bit) != 0u;
  var sum: Half;
  for (var j = 0u; j < HALF; j++) { // unroll
    let kept = select(low[j], high[j], upper);
    let given = select(high[j], low[j], upper);
    sum[j] = kept + subgroupShuffleXor(given, bit);
  }
  return sum;
}

// a1 of four units of an image: the groups' sums, the bias, ReLU.
fn activate(quad: u32) {
  if (quad >= TILE * UNIT_QUADS) { return; }
  var z1 = vec4f(0.0);
  for (var g = 0u; g < GROUPS; g++) { // unroll
    let at = 4u * (g * TILE * UNIT_QUADS + quad);
    z1 += vec4f(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
  }
  let unit = quad % UNIT_QUADS * 4u + vec4u(0u, 1u, 2u, 3u);
  let a = max(z1 / 255.0 + parameters[B1 + quad % UNIT_QUADS], vec4f(0.0));
  a1[quad] = select(vec4f(0.0), a, unit < vec4u(HIDDEN));
}

// z2 of one class of an image.
fn classify(n: u32) {
  if (n >= TILE * CLASSES) { return; }
  let c = n % CLASSES;
  var z = parameters[B2 + c / 4u][c % 4u];
  for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
    z = dot_add(a1[n / CLASSES * UNIT_QUADS + q], parameters[W2 + c * UNIT_QUADS + q], z);
  }
  z2[n] = z;
}

// dz1 of a quad of one of an image's parts, and with the first quad dz2; both are 0 from image `end` on. Gives,
// with the first one, the image's loss, its hit, and 1 for the image.
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
    e[c] = z2[t * CLASSES + c];
    best = select(best, c, e[c] > top);
    top = select(top, e[c], e[c] > top);
    at_label = select(at_label, e[c], c == label);
  }
  var total = 0.0;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    e[c] = exp(e[c] - top);
    total += e[c];
  }
  // The first of four. Those from HIDDEN on, and behind a part's end, get numbers that nobody uses.
  let unit = quad / HALF_QUADS * HALF + quad % HALF_QUADS * 4u;
  var da1 = vec4f(0.0);
  for (var c = 0u; c < CLASSES; c++) { // unroll
    let p = e[c] / total;
    let d = select(0.0, select(p, p - 1.0, c == label), live);
    if (quad == 0u) { dz2[t * 4u * CLASS_QUADS + c] = d; }
    for (var v = 0u; v < 4u; v++) { // unroll
      da1[v] = fma(d, parameters[W2 + c * UNIT_QUADS + (unit + v) / 4u][(unit + v) % 4u], da1[v]);
    }
  }
  for (var v = 0u; v < 4u; v++) { // unroll
    let at = min(unit + v, HIDDEN - 1u);
    da1[v] = select(0.0, da1[v], a1[t * UNIT_QUADS + at / 4u][at % 4u] > 0.0);
  }
  dz1[n] = da1;
  let figures = vec4f(log(total) - (at_label - top), f32(best == label), 1.0, 0.0);
  return select(vec4f(0.0), figures, live && quad == 0u);
}

// The quad n of the gradients of w2, b1 and b2 over the tile: a sum of dz2 x a1, dz1 or dz2.
fn head_gradient(n: u32) -> vec4f {
  var sum = vec4f(0.0);
  if (n < OF_B1) {
    for (var t = 0u; t < TILE; t++) { // unroll
      sum += dz2[t * 4u * CLASS_QUADS + n / UNIT_QUADS] * a1[t * UNIT_QUADS + n % UNIT_QUADS];
    }
  } else if (n < OF_B2) {
    for (var v = 0u; v < 4u; v++) { // unroll
      let unit = 4u * (n - OF_B1) + v;
      let at = min(unit, HIDDEN - 1u);
      for (var t = 0u; t < TILE; t++) { // unroll
        let d = dz1[t * DZ1_QUADS + at / HALF * HALF_QUADS + at % HALF / 4u][at % HALF % 4u];
        sum[v] += select(0.0, d, unit < HIDDEN);
      }
    }
  } else if (n < HEAD) {
    for (var t = 0u; t < TILE; t++) { // unroll
      let at = 4u * (t * CLASS_QUADS + n - OF_B2);
      sum += vec4f(dz2[at], dz2[at + 1u], dz2[at + 2u], dz2[at + 3u]);
    }
    sum = select(vec4f(0.0), sum, 4u * (n - OF_B2) + vec4u(0u, 1u, 2u, 3u) < vec4u(CLASSES));
  }
  return sum;
}

// dw1 += dz1ᵀ x over the tile, for a lane's pixels. Each word that is used for the last time makes room for
// one of the tile that starts at `next`: it comes while the lane computes.
fn backward(dw1: ptr<function, Weights>, x: ptr<function, Words>, next: u32, end: u32, place: u32) {
  let own = place % 2u * HALF_QUADS;
  for (var t = 0u; t < TILE; t++) { // unroll
    var d: array<vec4f, DZ1_QUADS>; // in the order of the lane's units
    for (var q = 0u; q < HALF_QUADS; q++) { // unroll
      d[q] = dz1[t * DZ1_QUADS + own + q];
      d[HALF_QUADS + q] = dz1[t * DZ1_QUADS + HALF_QUADS - own + q];
    }
    for (var i = 0u; i < WORDS; i++) { // unroll
      let p = pixels_of((*x)[i][t]);
      for (var j = 0u; j < UNITS; j++) { // unroll
        let at = j / HALF * HALF_QUADS * 4u + j % HALF;
        (*dw1)[i][j] = fma(p, vec4f(d[at / 4u][at % 4u]), (*dw1)[i][j]);
      }
      (*x)[i][t] = word_at(next + t, i, end, place);
    }
  }
}

// Leaves dw1 of a lane's pixels in the partial sums that start at `start`.
fn store(dw1: ptr<function, Weights>, start: u32, place: u32) {
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = i * WORKGROUP + place;
    for (var j = 0u; j < UNITS; j++) { // unroll
      let unit = unit_of(j, place);
      if (word < IMAGE && unit < HIDDEN) { partials[start + unit * IMAGE + word] = (*dw1)[i][j] / 255.0; }
    }
  }
}

// Leaves the quad n of the gradients of w2, b1 and b2.
fn store_head(start: u32, n: u32, sum: vec4f) {
  if (n < OF_B1) {
    partials[start + W2 + n] = sum;
  } else if (n < OF_B2) {
    partials[start + B1 + n - OF_B1] = sum;
  } else if (n < HEAD) {
    partials[start + B2 + n - OF_B2] = sum;
  }
}

// Adds up loss, hits and images of the lanes that have some.
fn store_totals(split: u32) {
  var totals = vec4f(0.0);
  for (var place = 0u; place < min(TILE * DZ1_QUADS, WORKGROUP); place++) {
    totals += dz1[place];
  }
  loss_partials[split] = totals.x;
  correct_partials[split] = u32(totals.y);
  atomicAdd(&samples_seen[counter], u32(totals.z));
}
