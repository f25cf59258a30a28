// fused_step for adapters whose subgroups are small and of one size: software drivers. It needs no other
// file to be read first; fused_step.subgroups and fused_step.workgroup are the same step for GPUs.
//   z1 = x w1ᵀ + b1, x = pixels / 255 (with 1/255 applied to finished sums)
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit and dz2
//   dz1 = dz2 w2 where z1 > 0
//   dw1 += dz1ᵀ x, db1 += dz1, dw2 += dz2ᵀ a1, db2 += dz2
//
// A workgroup is one subgroup; there is no workgroup memory and no barrier. A lane owns pixels. It keeps
// their weights and the sums of their gradients in registers, and takes TURN images at a time from the load
// of a pixel to its gradient. So every pixel is loaded once an iteration. With 784 pixels and 8 lanes:
//
//   quad of 16 pixels   0  1 ..  7 |  8  9 .. 15 | .. | 40 .. 47 |  48
//   its lane            0  1 ..  7 |  0  1 ..  7 | .. |  0 ..  7 | all: 2 pixels for each
//                        strip 0      strip 1           strip 5     rest
//
// A lane has STRIPS quads, as 4 words of 4 pixels each, and SINGLES pixels of the quads that are left (rests).
// After layer 1 it has one of the TURN images and OWN of the classes:
//
//   lane       0   1   2   3 |  4   5   6   7
//   image      0   1   2   3 |  0   1   2   3    lane % TURN
//   classes    0 .. OWN - 1  | OWN .. 2 OWN - 1  lane / TURN, its group
//
//   step             who computes it                               who adds it up
//   z1               each lane, its pixels of all TURN images      all lanes; an image's lanes get its sums
//   z2, softmax      each lane, its image and classes              the lanes of an image
//   dz1              each lane, its image and classes              the lanes of an image; then given to all
//   dw1              each lane, its pixels and all TURN images     nobody else
//   db1, dw2, db2    each lane, its image and classes              the lanes of a group, once at the end
//
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient (laid out
// as the parameters are), of the loss and of the hits, and counts its images.
//
// On these drivers each load and store of a buffer becomes code for one lane after another with branches for
// each, which is slow to run and slow to compile. So the parameters are loaded and the gradients stored in
// loops with one load or store: numbers move up one register each time, so that all pass through the same
// one. The pixels are read from a texture, which these drivers do for all lanes at once. Weights and their
// gradients are vectors, and a word's are moved by one copy: single numbers compile a little
// faster, but double the time of every later start, as the driver's cache does not hold its first steps.
//
// The host appends these sizes as `const` lines:
//   LANES                of a workgroup, which is one subgroup
//   HIDDEN, CLASSES      units of layers 1 and 2
//   QUADS, ROW           quads of an image; quads in a row of the texture, a power of 2 of images
//   B1, W2, B2, LEN      places and length of the parameters, in vec4s

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var pixels: texture_storage_2d<rgba32uint, read>;    // (m * QUADS / ROW, ROW), 16 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> correct_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

const WORKGROUP = LANES;
const TURN = 4u; // images at a time, which a weight in a register serves: a vec4f has a number for each
const LOG_TURN = 2u;
const GROUPS = LANES / TURN; // of lanes that have the same classes
const LOG_GROUPS = firstTrailingBit(GROUPS);
const OWN = (CLASSES + GROUPS - 1u) / GROUPS; // classes of a lane
const STRIPS = QUADS / LANES; // quads of a lane
const WORDS = 4u * STRIPS;
const RESTS = QUADS % LANES; // quads that the strips leave
const SHARE = 16u / LANES; // pixels of such a quad for each lane
const SINGLES = RESTS * SHARE;
const LAST_WORD = max(WORDS, 1u) - 1u;
const LAST_SINGLE = max(SINGLES, 1u) - 1u;
const LAST_UNIT = HIDDEN - 1u;
const HIDDEN_PADDED = 4u * ((HIDDEN + 3u) / 4u); // a row of w2
const HEAD = (LEN - B1 + LANES - 1u) / LANES; // vec4s from B1 to LEN for each lane
const LAST_ROUND = HEAD - 1u;

// What a lane has of what follows: b1, layer 2 for its own classes, and sums over its own images.
struct Head {
  b1: array<f32, HIDDEN>,
  w2: array<array<f32, HIDDEN>, OWN>,
  b2: array<f32, OWN>,
  db1: array<f32, HIDDEN>,
  dw2: array<array<f32, HIDDEN>, OWN>,
  db2: array<f32, OWN>,
  loss: f32,
  hits: u32,
  seen: u32,
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let m = arrayLength(&labels);
  // The weights of the lane's pixels, and the sums of their gradients. They are variables of their own: in a
  // struct, Mesa takes 0.1 s longer over them at every start. (Arrays have no alias anywhere: naga's HLSL writer
  // defines a helper once for each name of a type, and sizes make types equal.)
  var w1: array<array<vec4f, HIDDEN>, LAST_WORD + 1u>;
  var dw1: array<array<vec4f, HIDDEN>, LAST_WORD + 1u>;
  var single_w1: array<array<f32, HIDDEN>, LAST_SINGLE + 1u>;
  var single_dw1: array<array<f32, HIDDEN>, LAST_SINGLE + 1u>;
  load_words(&w1, lane);
  load_singles(&single_w1, lane);
  var head: Head;
  load_head(&head, lane);

  let rows = (m + splits - 1u) / splits;
  let end = min((group.x + 1u) * rows, m);
  for (var first = group.x * rows; first < end; first += TURN) {
    let image = first + lane % TURN; // the lane's own, after layer 1
    var x: array<array<u32, TURN>, LAST_WORD + 1u>;
    var single_x: array<vec4f, LAST_SINGLE + 1u>;
    for (var t = 0u; t < TURN; t++) { // unroll
      for (var i = 0u; i < STRIPS; i++) { // unroll
        let quad = quad_of(first + t, i * LANES + lane);
        for (var v = 0u; v < 4u; v++) { // unroll
          x[4u * i + v][t] = quad[v];
        }
      }
    }
    for (var i = 0u; i < RESTS; i++) { // unroll
      let quad = quad_of(image, STRIPS * LANES + i);
      for (var k = 0u; k < SHARE; k++) { // unroll
        for (var t = 0u; t < TURN; t++) { // unroll
          single_x[i * SHARE + k][t] = single_pixel(quad, t, k * LANES + lane);
        }
      }
    }

    var sum: array<vec4f, HIDDEN>;
    for (var i = 0u; i < WORDS; i++) { // unroll
      forward(&sum, numbers(x[i]), w1[i]);
    }
    for (var i = 0u; i < SINGLES; i++) { // unroll
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        sum[j] = fma(single_x[i], vec4f(single_w1[i][j]), sum[j]);
      }
    }

    var z1: array<f32, HIDDEN>; // of one image, as all that follows of it
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      z1[j] = turn_sums(sum[j], lane) / 255.0 + head.b1[j];
    }
    var image_dz1 = pass_head(&head, z1, labels[min(image, m - 1u)], image < end, lane);
    var dz1: array<vec4f, HIDDEN>;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      for (var t = 0u; t < TURN; t++) { // unroll
        dz1[j][t] = subgroupShuffle(image_dz1[j], t);
      }
    }

    for (var i = 0u; i < WORDS; i++) { // unroll
      backward(&dw1, i, numbers(x[i]), &dz1);
    }
    for (var i = 0u; i < SINGLES; i++) { // unroll
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        for (var t = 0u; t < TURN; t++) { // unroll
          single_dw1[i][j] = fma(single_x[i][t], dz1[j][t], single_dw1[i][j]);
        }
      }
    }
  }

  let start = group.x * LEN;
  store_words(&dw1, start, lane);
  store_singles(&single_dw1, start, lane);
  store_head(&head, start, lane);
  let loss = lane_sum(head.loss);
  let hits = subgroupAdd(head.hits);
  let seen = subgroupAdd(head.seen);
  if (lane == 0u) {
    loss_partials[group.x] = loss;
    correct_partials[group.x] = hits;
    atomicAdd(&samples_seen[counter], seen);
  }
}

// A loop bound that the driver does not know, so that the loop stays a loop. (There are always images.)
fn rolled(bound: u32) -> u32 {
  return select(0u, bound, arrayLength(&labels) > 0u);
}

// The weights of the lane's words, word after word, unit after unit: the newest is in the last place, and all
// others move up by one.
fn load_words(w1: ptr<function, array<array<vec4f, HIDDEN>, LAST_WORD + 1u>>, lane: u32) {
  let words = rolled(WORDS);
  let units = rolled(HIDDEN);
  for (var i = 0u; i < words; i++) {
    for (var k = 0u; k < LAST_WORD; k++) { // unroll
      (*w1)[k] = (*w1)[k + 1u];
    }
    for (var j = 0u; j < units; j++) {
      let loaded = parameters[j * 4u * QUADS + word_of(i, lane)];
      for (var k = 0u; k < LAST_UNIT; k++) { // unroll
        (*w1)[LAST_WORD][k] = (*w1)[LAST_WORD][k + 1u];
      }
      (*w1)[LAST_WORD][LAST_UNIT] = loaded;
    }
  }
}

// Those of the lane's single pixels, in the same way.
fn load_singles(single_w1: ptr<function, array<array<f32, HIDDEN>, LAST_SINGLE + 1u>>, lane: u32) {
  let singles = rolled(SINGLES);
  let units = rolled(HIDDEN);
  for (var i = 0u; i < singles; i++) {
    let pixel = single_of(i, lane);
    for (var k = 0u; k < LAST_SINGLE; k++) { // unroll
      (*single_w1)[k] = (*single_w1)[k + 1u];
    }
    for (var j = 0u; j < units; j++) {
      for (var k = 0u; k < LAST_UNIT; k++) { // unroll
        (*single_w1)[LAST_SINGLE][k] = (*single_w1)[LAST_SINGLE][k + 1u];
      }
      (*single_w1)[LAST_SINGLE][LAST_UNIT] = parameters[j * 4u * QUADS + pixel / 4u][pixel % 4u];
    }
  }
}

// The parameters after w1: each lane loads HEAD vec4s, then takes its own numbers from the lanes that have
// them. Number n of a tensor is in component n % 4 of vec4 n / 4, which lane n / 4 % LANES has loaded.
fn load_head(head: ptr<function, Head>, lane: u32) {
  var all: array<vec4f, HEAD>;
  let rounds = rolled(HEAD);
  for (var r = 0u; r < rounds; r++) {
    let loaded = parameters[B1 + r * LANES + lane];
    for (var k = 0u; k < LAST_ROUND; k++) { // unroll
      all[k] = all[k + 1u];
    }
    all[LAST_ROUND] = loaded;
  }
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    (*head).b1[j] = subgroupShuffle(all[j / 4u / LANES][j % 4u], j / 4u % LANES);
  }
  for (var g = 0u; g < GROUPS; g++) { // unroll
    let mine = lane / TURN == g;
    for (var i = 0u; i < OWN; i++) { // unroll
      let c = min(g * OWN + i, CLASSES - 1u); // classes past the last one are left out later
      let b = 4u * (B2 - B1) + c;
      let b2 = subgroupShuffle(all[b / 4u / LANES][b % 4u], b / 4u % LANES);
      (*head).b2[i] = select((*head).b2[i], b2, mine);
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        let w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
        let w2 = subgroupShuffle(all[w / 4u / LANES][w % 4u], w / 4u % LANES);
        (*head).w2[i][j] = select((*head).w2[i][j], w2, mine);
      }
    }
  }
}

// What follows z1 of an image, for the lane's own classes: loss, hit, and the sums of gradients. Gives dz1.
fn pass_head(
  head: ptr<function, Head>,
  image_z1: array<f32, HIDDEN>,
  label: u32,
  live: bool,
  lane: u32,
) -> array<f32, HIDDEN> {
  let first_class = lane / TURN * OWN;
  let own_label = label - first_class; // OWN or more if another lane has it
  var z1 = image_z1;
  var a1: array<f32, HIDDEN>;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    a1[j] = select(z1[j], 0.0, z1[j] < 0.0); // not max: a NaN goes on to the loss, where it is noticed
  }
  var z2: array<f32, OWN>;
  var best = 0u;
  var top = 0.0;
  var at_label = 0.0;
  for (var i = 0u; i < OWN; i++) { // unroll
    z2[i] = (*head).b2[i];
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      z2[i] = fma(a1[j], (*head).w2[i][j], z2[i]);
    }
    let better = i == 0u || z2[i] > top;
    best = select(best, i, better);
    top = select(top, z2[i], better);
    at_label = select(at_label, z2[i], i == own_label);
  }
  best += first_class;
  for (var k = 0u; k < LOG_GROUPS; k++) { // unroll
    let other_top = subgroupShuffleXor(top, TURN << k);
    let other_best = subgroupShuffleXor(best, TURN << k);
    best = select(best, other_best, other_top > top); // group 0, which counts hits, keeps the first of equal ones
    top = select(top, other_top, other_top > top);
  }
  var e: array<f32, OWN>;
  var total = 0.0;
  for (var i = 0u; i < OWN; i++) { // unroll
    e[i] = select(0.0, exp(z2[i] - top), first_class + i < CLASSES);
    total += e[i];
  }
  total = group_sum(total);
  (*head).loss += select(0.0, log(total) - (at_label - top), live && own_label < OWN);
  (*head).hits += select(0u, 1u, live && lane < TURN && best == label);
  (*head).seen += select(0u, 1u, live && lane < TURN);
  var da1: array<f32, HIDDEN>;
  for (var i = 0u; i < OWN; i++) { // unroll
    let p = e[i] / total;
    let dz2 = select(0.0, select(p, p - 1.0, i == own_label), live);
    (*head).db2[i] += dz2;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      (*head).dw2[i][j] = fma(dz2, a1[j], (*head).dw2[i][j]);
      da1[j] = fma(dz2, (*head).w2[i][j], da1[j]);
    }
  }
  var dz1: array<f32, HIDDEN>;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    dz1[j] = select(0.0, group_sum(da1[j]), a1[j] > 0.0);
    (*head).db1[j] += dz1[j];
  }
  return dz1;
}

// Leaves dw1 of the lane's words in the partial sums from `start` on: always from the first place, to which all
// others move up by one.
fn store_words(dw1: ptr<function, array<array<vec4f, HIDDEN>, LAST_WORD + 1u>>, start: u32, lane: u32) {
  let words = rolled(WORDS);
  let units = rolled(HIDDEN);
  for (var i = 0u; i < words; i++) {
    for (var j = 0u; j < units; j++) {
      let sum = (*dw1)[0][0];
      for (var k = 0u; k < LAST_UNIT; k++) { // unroll
        (*dw1)[0][k] = (*dw1)[0][k + 1u];
      }
      partials[start + j * 4u * QUADS + word_of(i, lane)] = sum / 255.0;
    }
    for (var k = 0u; k < LAST_WORD; k++) { // unroll
      (*dw1)[k] = (*dw1)[k + 1u];
    }
  }
}

// That of the lane's single pixels. Four lanes have those of a vec4. The first of them stores it: they must
// not write parts of one.
fn store_singles(single_dw1: ptr<function, array<array<f32, HIDDEN>, LAST_SINGLE + 1u>>, start: u32, lane: u32) {
  let singles = rolled(SINGLES);
  let units = rolled(HIDDEN);
  for (var i = 0u; i < singles; i++) {
    for (var j = 0u; j < units; j++) {
      let sum = (*single_dw1)[0][0];
      for (var k = 0u; k < LAST_UNIT; k++) { // unroll
        (*single_dw1)[0][k] = (*single_dw1)[0][k + 1u];
      }
      let odd = subgroupShuffleXor(sum, 1u);
      let pair = vec2f(subgroupShuffleXor(sum, 2u), subgroupShuffleXor(odd, 2u));
      if (lane % 4u == 0u) {
        partials[start + j * 4u * QUADS + single_of(i, lane) / 4u] = vec4f(sum, odd, pair) / 255.0;
      }
    }
    for (var k = 0u; k < LAST_SINGLE; k++) { // unroll
      (*single_dw1)[k] = (*single_dw1)[k + 1u];
    }
  }
}

// The gradients of the parameters after w1, from the sums of the lanes' own images and classes: HEAD vec4s a
// lane, in the order of load_head.
fn store_head(head: ptr<function, Head>, start: u32, lane: u32) {
  var all: array<vec4f, HEAD>;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    let sum = lane_sum(select(0.0, (*head).db1[j], lane < TURN)); // the other groups have it, too
    all[j / 4u / LANES][j % 4u] += select(0.0, sum, lane == j / 4u % LANES);
  }
  for (var i = 0u; i < OWN; i++) { // unroll
    (*head).db2[i] = image_sum((*head).db2[i]);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      (*head).dw2[i][j] = image_sum((*head).dw2[i][j]);
    }
  }
  for (var c = 0u; c < CLASSES; c++) { // unroll
    let b = 4u * (B2 - B1) + c;
    let db2 = subgroupShuffle((*head).db2[c % OWN], c / OWN * TURN);
    all[b / 4u / LANES][b % 4u] += select(0.0, db2, lane == b / 4u % LANES);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      let w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
      let dw2 = subgroupShuffle((*head).dw2[c % OWN][j], c / OWN * TURN);
      all[w / 4u / LANES][w % 4u] += select(0.0, dw2, lane == w / 4u % LANES);
    }
  }
  let rounds = rolled(HEAD);
  for (var r = 0u; r < rounds; r++) {
    let sum = all[0];
    for (var k = 0u; k < LAST_ROUND; k++) { // unroll
      all[k] = all[k + 1u];
    }
    let place = B1 + r * LANES + lane;
    if (place < LEN) { partials[start + place] = sum; }
  }
}

// The place in an image of word i of a lane.
fn word_of(i: u32, lane: u32) -> u32 {
  return 4u * ((i / 4u) * LANES + lane) + (i % 4u);
}

// The place in an image of single pixel i of a lane.
fn single_of(i: u32, lane: u32) -> u32 {
  return (4u * WORDS * LANES) + (i * LANES) + lane;
}

// A quad of an image. (TURN images may end past the last one: dz1 is 0 there.)
fn quad_of(image: u32, quad: u32) -> vec4u {
  const IMAGES = ROW / QUADS; // of a row
  return textureLoad(pixels, vec2u(image % IMAGES * QUADS + quad, image / IMAGES));
}

// Of the quad that lane t has, the given pixel, which is another one in each lane, as a number.
fn single_pixel(quad: vec4u, t: u32, pixel: u32) -> f32 {
  var word = 0u;
  for (var v = 0u; v < 4u; v++) { // unroll
    word = select(word, subgroupShuffle(quad[v], t), v == pixel / 4u);
  }
  return f32((word >> (8u * (pixel % 4u))) & 255u);
}

// A word's pixels as numbers from 0 to 255, image by image.
fn numbers(words: array<u32, TURN>) -> array<vec4f, TURN> {
  var x = words;
  var p: array<vec4f, TURN>;
  for (var t = 0u; t < TURN; t++) { // unroll
    p[t] = pixels_of(x[t]);
  }
  return p;
}

// sum += x w1ᵀ over a word's pixels: as many as stay in a CPU's registers, for TURN images.
fn forward(
  sum: ptr<function, array<vec4f, HIDDEN>>,
  word_pixels: array<vec4f, TURN>,
  word_w1: array<vec4f, HIDDEN>,
) {
  let p = word_pixels;
  var x: array<vec4f, 4>; // pixel by pixel
  for (var v = 0u; v < 4u; v++) { // unroll
    x[v] = vec4f(p[0][v], p[1][v], p[2][v], p[3][v]);
  }
  var w1 = word_w1;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var v = 0u; v < 4u; v++) { // unroll
      (*sum)[j] = fma(x[v], vec4f(w1[j][v]), (*sum)[j]);
    }
  }
}

// dw1 += dz1ᵀ x over the pixels of word i. (It is a number in every call, so that dw1 stays in registers.)
fn backward(
  dw1: ptr<function, array<array<vec4f, HIDDEN>, LAST_WORD + 1u>>,
  i: u32,
  word_pixels: array<vec4f, TURN>,
  dz1: ptr<function, array<vec4f, HIDDEN>>,
) {
  var p = word_pixels;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var t = 0u; t < TURN; t++) { // unroll
      (*dw1)[i][j] = fma(p[t], vec4f((*dz1)[j][t]), (*dw1)[i][j]);
    }
  }
}

// The sums over the lanes of an image's values: lane l has that of image l % TURN. As lanes are added up in
// pairs, each of a pair goes on with half of the images.
fn turn_sums(values: vec4f, lane: u32) -> f32 {
  let first = pair_sum(values[0], values[1], 1u, lane);
  let second = pair_sum(values[2], values[3], 1u, lane);
  return group_sum(pair_sum(first, second, 2u, lane));
}

// The sum over two lanes that differ in a bit: of `low` where it is 0, of `high` where it is 1.
fn pair_sum(low: f32, high: f32, bit: u32, lane: u32) -> f32 {
  let is_high = (lane & bit) != 0u;
  return select(low, high, is_high) + subgroupShuffleXor(select(high, low, is_high), bit);
}

// The sum over the lanes, in every lane, in one order: LANES is a power of 2.
fn lane_sum(value: f32) -> f32 {
  return group_sum(image_sum(value));
}

// The sum over the lanes of a group: the same classes, TURN images.
fn image_sum(value: f32) -> f32 {
  var sum = value;
  for (var k = 0u; k < LOG_TURN; k++) { // unroll
    sum += subgroupShuffleXor(sum, 1u << k);
  }
  return sum;
}

// The sum over the lanes of an image, one in each group.
fn group_sum(value: f32) -> f32 {
  var sum = value;
  for (var k = 0u; k < LOG_GROUPS; k++) { // unroll
    sum += subgroupShuffleXor(sum, TURN << k);
  }
  return sum;
}
