// fused_step for GPUs with subgroups: of TILE lanes or a multiple of that, whichever size the driver
// takes. A workgroup takes TILE images a turn, and each lane owns WORDS words of 4 pixels of every
// image: it keeps their weights and the sums of their gradients in registers, from the load of a
// pixel to its gradient; so every pixel is loaded once an iteration.
//   z1 = x w1ᵀ + b1: over TILE lanes by shuffles, then over the workgroup; x = pixels / 255, with
//     1/255 applied to finished sums
//   a1 = max(z1, 0): spread over the lanes; z2 = a1 w2ᵀ + b2, softmax, loss, hit, dz2 and
//     dz1 = dz2 w2 where z1 > 0: lane t computes those of image t
//   dw1 += dz1ᵀ x: every lane for its pixels; dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2: spread
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient,
// laid out as the parameters are, of the loss and of the hits, and counts its images. All loops over
// lanes, images and units are unrolled, so that the sums stay in registers.
//
// The sum over the lanes costs most after the arithmetic: V numbers of each of TILE lanes would take
// LOG_TILE x V shuffles. Here the lanes swap halves: two lanes with the numbers of two images each
// keep one image and hand over the other. So V numbers take V shuffles, and lane t ends up with
// image t. It is done as the images come, like carries of a binary counter, so that few wait.
//
// The host appends the sizes as `const` lines, as array lengths must be. A quad is 4 numbers:
//   WORKGROUP: lanes, TILE = 1 << LOG_TILE: images a turn, GROUPS: of TILE lanes in a workgroup
//   IMAGE: words of 4 pixels, WORDS: those of a lane, HIDDEN, UNIT_QUADS: its quads, CLASSES,
//   CLASS_QUADS, ROUNDS: quads of the gradients of b1, w2 and b2 that a lane adds up
//   B1, W2, B2, LEN: places and length of the parameters in quads

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       pixels: array<u32>;         // (m, IMAGE), 4 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> hit_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

alias Words = array<array<u32, TILE>, WORDS>;                // a lane's pixels of each image
alias Weights = array<array<vec4f, 4 * UNIT_QUADS>, WORDS>; // their weights or gradients, by unit
alias Units = array<f32, 4 * UNIT_QUADS>;                    // a number for each hidden unit

// What the lanes hand each other, in quads: z1 (GROUPS, TILE, UNIT_QUADS) as summed up by each
// group; then a1 in the place of the first group's and dz1 in that of the second's, (TILE,
// UNIT_QUADS) each; behind them dz2 (TILE, CLASS_QUADS).
var<workgroup> tile: array<vec4f, GROUPS * DZ1 + TILE * CLASS_QUADS>;
const DZ1 = TILE * UNIT_QUADS;
const DZ2 = GROUPS * DZ1;

// Quads of the gradients of w2, then b1, then b2: (CLASSES, UNIT_QUADS), (UNIT_QUADS), (CLASS_QUADS)
const OF_B1 = CLASSES * UNIT_QUADS;
const OF_B2 = OF_B1 + UNIT_QUADS;
const HEAD = OF_B2 + CLASS_QUADS;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) split: vec3u,
  @builtin(num_subgroups) subgroups: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let place = subgroup * lanes_of(subgroups) + lane;
  let w1 = weights(place);
  var dw1: Weights;
  var dhead: array<vec4f, ROUNDS>;
  var totals = vec4f(0.0); // of image place: loss, hits and images (whole numbers below 2^24)

  let rows = (arrayLength(&labels) + splits - 1u) / splits;
  let end = min((split.x + 1u) * rows, arrayLength(&labels));
  for (var first = split.x * rows; first < end; first += TILE) {
    let x = load(first, place);
    let sums = group_sums(x, w1, place);
    for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
      tile[place * UNIT_QUADS + q] = vec4f(sums[4u * q], sums[4u * q + 1u], sums[4u * q + 2u], sums[4u * q + 3u]);
    }
    workgroupBarrier();
    for (var quad = place; quad < DZ1; quad += WORKGROUP) {
      activate(quad);
    }
    workgroupBarrier();
    if (place < TILE) {
      totals += head(place, first + place, end);
    }
    workgroupBarrier();
    for (var r = 0u; r < ROUNDS; r++) { // unroll
      dhead[r] += head_gradient(r * WORKGROUP + place);
    }
    dw1 = backward(dw1, x);
    workgroupBarrier();
  }

  store(split.x * LEN, place, dw1);
  for (var r = 0u; r < ROUNDS; r++) { // unroll
    store_head(split.x * LEN, r * WORKGROUP + place, dhead[r]);
  }
  if (place < TILE) {
    tile[place] = totals;
  }
  workgroupBarrier();
  if (place == 0u) {
    store_totals(split.x);
  }
}

// The lanes of a subgroup, a power of 2: all subgroups are full but the last one, which may be half
// empty. (The builtin subgroup_size may tell the most that the driver takes, not what it took here.)
fn lanes_of(subgroups: u32) -> u32 {
  return 1u << (32u - countLeadingZeros((WORKGROUP - 1u) / subgroups));
}

// For lane t of each group of TILE lanes: z1 of image t but for b1 and 1/255, over the group's pixels.
fn group_sums(x: Words, w1: Weights, lane: u32) -> Units {
  var sum: Units;
  var waiting: array<Units, LOG_TILE>; // waiting[s]: of 1 << s images, for the next as many
  for (var t = 0u; t < TILE; t++) { // unroll
    sum = Units();
    for (var i = 0u; i < WORDS; i++) { // unroll
      let p = pixels_of(x[i][t]);
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        sum[j] = dot_add(p, w1[i][j], sum[j]);
      }
    }
    for (var s = 0u; s < LOG_TILE; s++) { // unroll
      if ((t + 1u) % (2u << s) == 0u) {
        sum = swap_halves(waiting[s], sum, lane, 1u << s);
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
fn swap_halves(low: Units, high: Units, lane: u32, bit: u32) -> Units {
  let upper = (lane & bit) != 0u;
  var sum: Units;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    let kept = select(low[j], high[j], upper);
    let given = select(high[j], low[j], upper);
    sum[j] = kept + subgroupShuffleXor(given, bit);
  }
  return sum;
}

// The weights of the pixels of a lane: words place, WORKGROUP + place, ... Those past the image's end
// have weights of 0.
fn weights(place: u32) -> Weights {
  var w: Weights;
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = i * WORKGROUP + place;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      w[i][j] = select(vec4f(0.0), parameters[j * IMAGE + min(word, IMAGE - 1u)], word < IMAGE);
    }
  }
  return w;
}

// A lane's pixels of TILE images. Past the last image they are those of the last one.
fn load(first: u32, place: u32) -> Words {
  var x: Words;
  for (var t = 0u; t < TILE; t++) { // unroll
    let image = min(first + t, arrayLength(&labels) - 1u) * IMAGE;
    for (var i = 0u; i < WORDS; i++) { // unroll
      x[i][t] = pixels[image + min(i * WORKGROUP + place, IMAGE - 1u)];
    }
  }
  return x;
}

// a1 of four units of an image: the groups' sums, the bias, ReLU.
fn activate(quad: u32) {
  var z1 = vec4f(0.0);
  for (var g = 0u; g < GROUPS; g++) { // unroll
    z1 += tile[g * DZ1 + quad];
  }
  tile[quad] = max(z1 / 255.0 + parameters[B1 + quad % UNIT_QUADS], vec4f(0.0));
}

// The image t of the tile from a1 to dz2 and dz1, which are 0 from image `end` on. Gives its loss,
// its hit, and 1 for the image.
fn head(t: u32, image: u32, end: u32) -> vec4f {
  let live = image < end;
  let label = labels[min(image, arrayLength(&labels) - 1u)];
  var a1: array<vec4f, UNIT_QUADS>;
  for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
    a1[q] = tile[t * UNIT_QUADS + q];
  }
  var z2: array<f32, CLASSES>;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    z2[c] = parameters[B2 + c / 4u][c % 4u];
    for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
      z2[c] = dot_add(a1[q], parameters[W2 + c * UNIT_QUADS + q], z2[c]);
    }
  }
  var best = 0u;
  var top = z2[0];
  var at_label = z2[0];
  for (var c = 0u; c < CLASSES; c++) { // unroll
    best = select(best, c, z2[c] > top);
    top = select(top, z2[c], z2[c] > top);
    at_label = select(at_label, z2[c], c == label);
  }
  var total = 0.0;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    total += exp(z2[c] - top);
  }
  var dz2: array<vec4f, CLASS_QUADS>;
  var da1: array<vec4f, UNIT_QUADS>;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    let p = exp(z2[c] - top) / total;
    let d = select(0.0, select(p, p - 1.0, c == label), live);
    dz2[c / 4u][c % 4u] = d;
    for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
      da1[q] = fma(vec4f(d), parameters[W2 + c * UNIT_QUADS + q], da1[q]);
    }
  }
  for (var q = 0u; q < CLASS_QUADS; q++) { // unroll
    tile[DZ2 + t * CLASS_QUADS + q] = dz2[q];
  }
  for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
    tile[DZ1 + t * UNIT_QUADS + q] = select(vec4f(0.0), da1[q], a1[q] > vec4f(0.0));
  }
  return select(vec4f(0.0), vec4f(log(total) - (at_label - top), f32(best == label), 1.0, 0.0), live);
}

// The quad n of the gradients of w2, b1 and b2 over the tile: a sum of dz2 x a1, 1 x dz1 or 1 x dz2.
fn head_gradient(n: u32) -> vec4f {
  let row = n / UNIT_QUADS;
  var place = n % UNIT_QUADS;
  var stride = UNIT_QUADS;
  if (n >= OF_B2) {
    place = DZ2 + min(n, HEAD - 1u) - OF_B2;
    stride = CLASS_QUADS;
  } else if (n >= OF_B1) {
    place = DZ1 + n - OF_B1;
  }
  var sum = vec4f(0.0);
  for (var t = 0u; t < TILE; t++) { // unroll
    let dz2 = tile[DZ2 + t * CLASS_QUADS + min(row, CLASSES - 1u) / 4u][row % 4u];
    sum += select(1.0, dz2, row < CLASSES) * tile[place + t * stride];
  }
  return sum;
}

// dw1 + dz1ᵀ x over the tile, for a lane's pixels.
fn backward(before: Weights, x: Words) -> Weights {
  var sum = before;
  for (var t = 0u; t < TILE; t++) { // unroll
    for (var q = 0u; q < UNIT_QUADS; q++) { // unroll
      let d = tile[DZ1 + t * UNIT_QUADS + q];
      for (var i = 0u; i < WORDS; i++) { // unroll
        let p = pixels_of(x[i][t]);
        for (var v = 0u; v < 4u; v++) { // unroll
          if (4u * q + v < HIDDEN) { sum[i][4u * q + v] = fma(p, vec4f(d[v]), sum[i][4u * q + v]); }
        }
      }
    }
  }
  return sum;
}

// Leaves dw1 of a lane's pixels in the partial sums that start at `start`.
fn store(start: u32, place: u32, dw1: Weights) {
  for (var i = 0u; i < WORDS; i++) { // unroll
    let word = i * WORKGROUP + place;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      if (word < IMAGE) { partials[start + j * IMAGE + word] = dw1[i][j] / 255.0; }
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

// Adds up loss, hits and images of all places of the tile.
fn store_totals(split: u32) {
  var totals = vec4f(0.0);
  for (var t = 0u; t < TILE; t++) { // unroll
    totals += tile[t];
  }
  loss_partials[split] = totals.x;
  hit_partials[split] = u32(totals.y);
  atomicAdd(&samples_seen[counter], u32(totals.z));
}
