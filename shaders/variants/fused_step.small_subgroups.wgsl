// fused_step for adapters whose subgroups are small and of one size: software drivers. Each
// workgroup is one subgroup, and there is no workgroup memory and no barrier. A lane owns pixels: it
// keeps their weights and the sums of their gradients in registers and takes TURN images a turn,
// from the load of a pixel to its gradient; so every pixel is loaded once an iteration.
//   z1 = x w1ᵀ + b1: a sum over the lanes; x = pixels / 255, with 1/255 applied to finished sums
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit and dz2: each lane computes those of one
//     image, lane % TURN, and of few classes, OWN in a group of TURN lanes
//   dz1 = dz2 w2 where z1 > 0: a sum over the lanes of an image, then handed to all lanes
//   dw1 += dz1ᵀ x, and in each lane, for its image and classes, dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient,
// laid out as the parameters are, of the loss and of the hits, and counts its images.
//
// On these drivers each load and store of a buffer is a loop over the lanes, costly to run and to
// compile. So the weights come in and the sums go out in loops that pick registers by `select`, and
// the pixels are read from a texture, which these drivers do for all lanes at once.
//
// The host appends the sizes as `const` lines, as array lengths must be:
//   WORKGROUP = LANES
//   TURN = 4 images, which each weight that is touched serves (Turn, forward and turn_sums are written
//     for 4); LOG_TURN
//   GROUPS = LANES / TURN, LOG_GROUPS, and OWN: classes of a group
//   QUADS: 16 pixels each, of an image, and ROW: of a row of the texture, for a power of 2 of images
//   STRIPS: quads of a lane, and WORDS: 4 pixels each, in them
//   RESTS: quads of an image that the strips leave, SHARE: pixels of such a quad for each lane, and
//     SINGLES = RESTS * SHARE
//   HIDDEN, HIDDEN_PADDED, CLASSES
//   B1, W2, B2, LEN: places and length of the parameters in vec4s; HEAD: LANES vec4s from B1 to LEN

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var pixels: texture_storage_2d<rgba32uint, read>;    // (m * QUADS / ROW, ROW), 16 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> correct_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

alias Units = array<f32, HIDDEN>;     // a number for each hidden unit
alias Turn = vec4f;                   // a number for each of TURN images
alias Own = array<f32, OWN>;          // a number for each class of a lane
alias Weights = array<vec4f, HIDDEN>; // those of a word's 4 pixels, or the sums of their gradients
alias Words = array<Weights, max(WORDS, 1u)>;
alias Singles = array<Units, max(SINGLES, 1u)>;

// What a lane has of the layers behind w1: of its own classes, and sums over its own images.
struct Head {
  b1: Units,
  w2: array<Units, OWN>,
  b2: Own,
  db1: Units,
  dw2: array<Units, OWN>,
  db2: Own,
  loss: f32,
  hits: u32,
  seen: u32,
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let m = arrayLength(&labels);
  // Always HIDDEN. A driver that knew it would write out the loops to it, and take long over that.
  let units = select(0u, HIDDEN, m > 0u);

  var w1: Words;
  var dw1: Words;
  for (var i = 0u; i < WORDS; i++) {
    let word = word_of(i, lane);
    var loaded: Weights;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      loaded[j] = parameters[j * 4u * QUADS + word];
    }
    replace(&w1, i, loaded);
  }
  var single_w1: Singles;
  var single_dw1: Singles;
  for (var j = 0u; j < units; j++) {
    for (var i = 0u; i < SINGLES; i++) { // unroll
      let pixel = single_of(i, lane);
      let loaded = parameters[j * 4u * QUADS + pixel / 4u][pixel % 4u];
      for (var k = 0u; k < HIDDEN; k++) { // unroll
        single_w1[i][k] = select(single_w1[i][k], loaded, k == j);
      }
    }
  }
  var head: Head;
  load_head(&head, lane);

  let rows = (m + splits - 1u) / splits;
  let end = min((group.x + 1u) * rows, m);
  for (var first = group.x * rows; first < end; first += TURN) {
    let image = first + lane % TURN; // of which the lane has the ends, and all from z1 to dz1
    var x: array<array<u32, TURN>, max(WORDS, 1u)>;
    var single_x: array<Turn, max(SINGLES, 1u)>;
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

    var sum: array<Turn, HIDDEN>;
    for (var i = 0u; i < WORDS; i++) { // unroll
      forward(&sum, numbers(x[i]), w1[i]);
    }
    for (var i = 0u; i < SINGLES; i++) { // unroll
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        sum[j] = fma(single_x[i], vec4f(single_w1[i][j]), sum[j]);
      }
    }

    var z1: Units; // of one image, as all that follows of it
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      z1[j] = turn_sums(sum[j], lane) / 255.0 + head.b1[j];
    }
    let image_dz1 = pass_head(&head, z1, labels[min(image, m - 1u)], image < end, lane);
    var dz1: array<Turn, HIDDEN>;
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

  let place = group.x * LEN;
  for (var i = 0u; i < WORDS; i++) {
    let word = word_of(i, lane);
    let sums = pick(&dw1, i);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      partials[place + j * 4u * QUADS + word] = sums[j] / 255.0;
    }
  }
  // Four lanes have the single pixels of a vec4, and the first of them stores it: they must not write
  // parts of one.
  for (var j = 0u; j < units; j++) {
    for (var i = 0u; i < SINGLES; i++) { // unroll
      var sum = 0.0;
      for (var k = 0u; k < HIDDEN; k++) { // unroll
        sum = select(sum, single_dw1[i][k], k == j);
      }
      let odd = subgroupShuffleXor(sum, 1u);
      let pair = vec2f(subgroupShuffleXor(sum, 2u), subgroupShuffleXor(odd, 2u));
      if (lane % 4u == 0u) {
        partials[place + j * 4u * QUADS + single_of(i, lane) / 4u] = vec4f(sum, odd, pair) / 255.0;
      }
    }
  }
  store_head(&head, place, lane);
  let loss = lane_sum(head.loss);
  let hits = subgroupAdd(head.hits);
  let seen = subgroupAdd(head.seen);
  if (lane == 0u) {
    loss_partials[group.x] = loss;
    correct_partials[group.x] = hits;
    atomicAdd(&samples_seen[counter], seen);
  }
}

// The parameters behind w1: they come as one vec4 a lane, then each lane takes its own from the others.
fn load_head(head: ptr<function, Head>, lane: u32) {
  var all: array<vec4f, HEAD>;
  for (var r = 0u; r < HEAD; r++) { // unroll
    all[r] = parameters[B1 + r * LANES + lane];
  }
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    (*head).b1[j] = subgroupShuffle(all[j / 4u / LANES][j % 4u], j / 4u % LANES);
  }
  for (var g = 0u; g < GROUPS; g++) { // unroll
    let mine = lane / TURN == g;
    for (var i = 0u; i < OWN; i++) { // unroll
      let c = min(g * OWN + i, CLASSES - 1u); // what is beyond the last class is left out later
      let b = 4u * (B2 - B1) + c;
      (*head).b2[i] = select((*head).b2[i], subgroupShuffle(all[b / 4u / LANES][b % 4u], b / 4u % LANES), mine);
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        let w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
        let loaded = subgroupShuffle(all[w / 4u / LANES][w % 4u], w / 4u % LANES);
        (*head).w2[i][j] = select((*head).w2[i][j], loaded, mine);
      }
    }
  }
}

// What follows z1 of an image, for the lane's own classes: loss, hit, and the sums of gradients. Gives dz1.
fn pass_head(head: ptr<function, Head>, z1: Units, label: u32, live: bool, lane: u32) -> Units {
  let first_class = lane / TURN * OWN;
  let own_label = label - first_class; // from OWN on where another lane has it
  var a1: Units;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    a1[j] = max(z1[j], 0.0);
  }
  var z2: Own;
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
    best = select(best, other_best, other_top > top); // group 0, which tells, keeps the first of equal ones
    top = select(top, other_top, other_top > top);
  }
  var e: Own;
  var total = 0.0;
  for (var i = 0u; i < OWN; i++) { // unroll
    e[i] = select(0.0, exp(z2[i] - top), first_class + i < CLASSES);
    total += e[i];
  }
  total = group_sum(total);
  (*head).loss += select(0.0, log(total) - (at_label - top), live && own_label < OWN);
  (*head).hits += select(0u, 1u, live && lane < TURN && best == label);
  (*head).seen += select(0u, 1u, live && lane < TURN);
  var da1: Units;
  for (var i = 0u; i < OWN; i++) { // unroll
    let p = e[i] / total;
    let dz2 = select(0.0, select(p, p - 1.0, i == own_label), live);
    (*head).db2[i] += dz2;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      (*head).dw2[i][j] = fma(dz2, a1[j], (*head).dw2[i][j]);
      da1[j] = fma(dz2, (*head).w2[i][j], da1[j]);
    }
  }
  var dz1: Units;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    dz1[j] = select(0.0, group_sum(da1[j]), a1[j] > 0.0);
    (*head).db1[j] += dz1[j];
  }
  return dz1;
}

// The gradients of the parameters behind w1, from the sums of the lanes' own images and classes, as one
// vec4 a lane.
fn store_head(head: ptr<function, Head>, place: u32, lane: u32) {
  var all: array<vec4f, HEAD>;
  for (var r = 0u; r < HEAD; r++) { // unroll
    all[r] = vec4f(0.0);
  }
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    let sum = lane_sum(select(0.0, (*head).db1[j], lane < TURN)); // the other lanes have it, too
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
    let sum = subgroupShuffle((*head).db2[c % OWN], c / OWN * TURN);
    all[b / 4u / LANES][b % 4u] += select(0.0, sum, lane == b / 4u % LANES);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      let w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
      let sum = subgroupShuffle((*head).dw2[c % OWN][j], c / OWN * TURN);
      all[w / 4u / LANES][w % 4u] += select(0.0, sum, lane == w / 4u % LANES);
    }
  }
  for (var r = 0u; r < HEAD; r++) { // unroll
    if (B1 + r * LANES + lane < LEN) { partials[place + B1 + r * LANES + lane] = all[r]; }
  }
}

// The place in an image of word i of a lane: quads are dealt out in STRIPS rounds.
fn word_of(i: u32, lane: u32) -> u32 {
  return (i / 4u * LANES + lane) * 4u + i % 4u;
}

// The place in an image of single pixel i of a lane.
fn single_of(i: u32, lane: u32) -> u32 {
  return 4u * WORDS * LANES + i * LANES + lane;
}

// A quad of an image. (A turn may end beyond the last image: dz1 is 0 there.)
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
fn numbers(x: array<u32, TURN>) -> array<vec4f, TURN> {
  var p: array<vec4f, TURN>;
  for (var t = 0u; t < TURN; t++) { // unroll
    p[t] = pixels_of(x[t]);
  }
  return p;
}

// sum += x w1ᵀ over a word's pixels: as many as stay in a CPU's registers, for all images of a turn.
// (Large arrays go by pointer: drivers take their time to see through copies.)
fn forward(sum: ptr<function, array<Turn, HIDDEN>>, p: array<vec4f, TURN>, w: Weights) {
  var pixel: array<Turn, 4>;
  for (var v = 0u; v < 4u; v++) { // unroll
    pixel[v] = Turn(p[0][v], p[1][v], p[2][v], p[3][v]);
  }
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var v = 0u; v < 4u; v++) { // unroll
      (*sum)[j] = fma(pixel[v], vec4f(w[j][v]), (*sum)[j]);
    }
  }
}

// dw1 += dz1ᵀ x over the pixels of word i. (It is a number in every call, so that dw1 stays in registers.)
fn backward(
  dw1: ptr<function, Words>,
  i: u32,
  p: array<vec4f, TURN>,
  dz1: ptr<function, array<Turn, HIDDEN>>,
) {
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var t = 0u; t < TURN; t++) { // unroll
      (*dw1)[i][j] = fma(p[t], vec4f((*dz1)[j][t]), (*dw1)[i][j]);
    }
  }
}

// Replaces the weights of word i.
fn replace(all: ptr<function, Words>, i: u32, value: Weights) {
  for (var k = 0u; k < WORDS; k++) { // unroll
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      (*all)[k][j] = select((*all)[k][j], value[j], k == i);
    }
  }
}

// The sums of word i.
fn pick(sums: ptr<function, Words>, i: u32) -> Weights {
  var found: Weights;
  for (var k = 0u; k < WORDS; k++) { // unroll
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      found[j] = select(found[j], (*sums)[k][j], k == i);
    }
  }
  return found;
}

// The sums over the lanes of an image's values: lane l has that of image l % TURN. As lanes are added up in
// pairs, each of a pair goes on with half of the images.
fn turn_sums(values: Turn, lane: u32) -> f32 {
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

// The sum over the lanes that have the same classes, each another image of a turn.
fn image_sum(value: f32) -> f32 {
  var sum = value;
  for (var k = 0u; k < LOG_TURN; k++) { // unroll
    sum += subgroupShuffleXor(sum, 1u << k);
  }
  return sum;
}

// The sum over the lanes that have the same image, each other classes.
fn group_sum(value: f32) -> f32 {
  var sum = value;
  for (var k = 0u; k < LOG_GROUPS; k++) { // unroll
    sum += subgroupShuffleXor(sum, TURN << k);
  }
  return sum;
}
