// fused_step for adapters whose subgroups are small and of one size: software drivers. Each
// workgroup is one subgroup, and there is no workgroup memory and no barrier. A lane owns pixels: it
// keeps their weights and the sums of their gradients in registers and takes TURN images a turn,
// from the load of a pixel to its gradient; so every pixel is loaded once an iteration.
//   z1 = x w1ᵀ + b1: a sum over the lanes; x = pixels / 255, with 1/255 applied to finished sums
//   a1 = max(z1, 0), z2 = a1 w2ᵀ + b2, softmax, loss, hit and dz2: lane t computes those of image t
//   dz1 = dz2 w2 where z1 > 0: handed from lane t to all lanes
//   dw1 += dz1ᵀ x, and in lane t dw2 += dz2ᵀ a1, db1 += dz1, db2 += dz2
// The workgroups share the images in `splits` ranges. Each leaves a partial sum of every gradient,
// laid out as the parameters are, of the loss and of the hits, and counts its images.
//
// On these drivers each load and store of a buffer is a loop over the lanes, costly to run and to
// compile. So the weights come in and the sums go out in loops that pick registers by `select`, and
// the pixels are read from a texture, which these drivers do for all lanes at once.
//
// The host appends the sizes as `const` lines, as array lengths must be:
//   WORKGROUP = LANES, and LOG_LANES
//   QUADS: 16 pixels each, of an image, and ROW: of a row of the texture, so many whole images
//   WORDS: 4 pixels each, of a lane: those of STRIPS quads, and RESTS more; SINGLES: its other pixels
//   HIDDEN, HIDDEN_PADDED, CLASSES
//   B1, W2, B2, LEN: places and length of the parameters in vec4s; HEAD: LANES vec4s from B1 to LEN

const TURN = 4u; // images a turn, at most LANES: each weight that is touched serves so many

override splits: u32;  // ranges of images, one a workgroup
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var pixels: texture_storage_2d<rgba32uint, read>;    // (m * QUADS / ROW, ROW), 16 u8 each
@group(0) @binding(1) var<storage, read>       labels: array<u32>;         // (m)
@group(0) @binding(2) var<storage, read>       parameters: array<vec4f>;   // (LEN): w1, b1, w2, b2
@group(0) @binding(3) var<storage, read_write> partials: array<vec4f>;     // (splits, LEN)
@group(0) @binding(4) var<storage, read_write> loss_partials: array<f32>;  // (splits)
@group(0) @binding(5) var<storage, read_write> hit_partials: array<u32>;   // (splits)
@group(0) @binding(6) var<storage, read_write> samples_seen: array<atomic<u32>>;

alias Units = array<f32, HIDDEN>;     // a number for each hidden unit
alias Turn = array<f32, TURN>;        // a number for each image of a turn
alias Classes = array<f32, CLASSES>;  // a number for each class
alias Weights = array<vec4f, HIDDEN>; // those of a word's 4 pixels, or the sums of their gradients
alias Words = array<Weights, max(WORDS, 1u)>;
alias Singles = array<Units, max(SINGLES, 1u)>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
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
  for (var j = 0u; j < HIDDEN; j++) {
    for (var i = 0u; i < SINGLES; i++) { // unroll
      let pixel = single_of(i, lane);
      let loaded = parameters[j * 4u * QUADS + pixel / 4u][pixel % 4u];
      for (var k = 0u; k < HIDDEN; k++) { // unroll
        single_w1[i][k] = select(single_w1[i][k], loaded, k == j);
      }
    }
  }
  // The other parameters, one vec4 a lane, then handed to all lanes.
  var head: array<vec4f, HEAD>;
  for (var r = 0u; r < HEAD; r++) { // unroll
    head[r] = parameters[B1 + r * LANES + lane];
  }
  var b1: Units;
  var db1: Units;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    b1[j] = subgroupShuffle(head[j / 4u / LANES][j % 4u], j / 4u % LANES);
  }
  var w2: array<Units, CLASSES>;
  var dw2: array<Units, CLASSES>;
  var b2: Classes;
  var db2: Classes;
  for (var c = 0u; c < CLASSES; c++) { // unroll
    const b = 4u * (B2 - B1) + c;
    b2[c] = subgroupShuffle(head[b / 4u / LANES][b % 4u], b / 4u % LANES);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      const w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
      w2[c][j] = subgroupShuffle(head[w / 4u / LANES][w % 4u], w / 4u % LANES);
    }
  }

  let m = arrayLength(&labels);
  let rows = (m + splits - 1u) / splits;
  let end = min((group.x + 1u) * rows, m);
  var loss = 0.0;
  var hits = 0u;
  var seen = 0u;
  for (var first = group.x * rows; first < end; first += TURN) {
    var x: array<array<u32, TURN>, max(WORDS, 1u)>;
    var single_x: array<Turn, max(SINGLES, 1u)>;
    for (var t = 0u; t < TURN; t++) { // unroll
      let image = min(first + t, m - 1u);
      for (var i = 0u; i < STRIPS; i++) { // unroll
        let quad = quad_of(image, i * LANES + lane);
        for (var v = 0u; v < 4u; v++) { // unroll
          x[4u * i + v][t] = quad[v];
        }
      }
      for (var i = 0u; i < RESTS; i++) { // unroll
        let word = word_of(4u * STRIPS + i, lane);
        x[4u * STRIPS + i][t] = quad_of(image, word / 4u)[word % 4u];
      }
      for (var i = 0u; i < SINGLES; i++) { // unroll
        let pixel = single_of(i, lane);
        let word = quad_of(image, pixel / 16u)[pixel / 4u % 4u];
        single_x[i][t] = f32((word >> (8u * (pixel % 4u))) & 255u);
      }
    }

    var sum: array<Turn, HIDDEN>;
    for (var i = 0u; i < WORDS; i++) { // unroll
      forward(&sum, numbers(x[i]), w1[i]);
    }
    for (var i = 0u; i < SINGLES; i++) { // unroll
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        for (var t = 0u; t < TURN; t++) { // unroll
          sum[j][t] = fma(single_x[i][t], single_w1[i][j], sum[j][t]);
        }
      }
    }

    // From here to dz1, lane t works on image t and the lanes from TURN on are idle.
    let live = lane < TURN && first + lane < end;
    var a1: Units;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      var z1 = 0.0;
      for (var t = 0u; t < TURN; t++) { // unroll
        z1 = select(z1, lane_sum(sum[j][t]), lane == t);
      }
      a1[j] = max(z1 / 255.0 + b1[j], 0.0);
    }
    var z2: Classes;
    for (var c = 0u; c < CLASSES; c++) { // unroll
      z2[c] = b2[c];
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        z2[c] = fma(a1[j], w2[c][j], z2[c]);
      }
    }
    let label = labels[min(first + lane, m - 1u)];
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
    loss += select(0.0, log(total) - (at_label - top), live);
    hits += select(0u, 1u, live && best == label);
    seen += select(0u, 1u, live);
    var da1: Units;
    for (var c = 0u; c < CLASSES; c++) { // unroll
      let p = exp(z2[c] - top) / total;
      let dz2 = select(0.0, select(p, p - 1.0, c == label), live);
      db2[c] += dz2;
      for (var j = 0u; j < HIDDEN; j++) { // unroll
        dw2[c][j] = fma(dz2, a1[j], dw2[c][j]);
        da1[j] = fma(dz2, w2[c][j], da1[j]);
      }
    }
    var dz1: array<Turn, HIDDEN>;
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      let d = select(0.0, da1[j], a1[j] > 0.0);
      db1[j] += d;
      for (var t = 0u; t < TURN; t++) { // unroll
        dz1[j][t] = subgroupShuffle(d, t);
      }
    }

    for (var i = 0u; i < WORDS; i++) { // unroll
      dw1[i] = backward(dw1[i], numbers(x[i]), dz1);
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
    let sums = pick(dw1, i);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      partials[place + j * 4u * QUADS + word] = sums[j] / 255.0;
    }
  }
  // Four lanes have the single pixels of a vec4, and the first of them stores it: they must not write
  // parts of one.
  for (var j = 0u; j < HIDDEN; j++) {
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
  for (var r = 0u; r < HEAD; r++) { // unroll
    head[r] = vec4f(0.0);
  }
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    head[j / 4u / LANES][j % 4u] += select(0.0, lane_sum(db1[j]), lane == j / 4u % LANES);
  }
  for (var c = 0u; c < CLASSES; c++) { // unroll
    const b = 4u * (B2 - B1) + c;
    head[b / 4u / LANES][b % 4u] += select(0.0, lane_sum(db2[c]), lane == b / 4u % LANES);
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      const w = 4u * (W2 - B1) + c * HIDDEN_PADDED + j;
      head[w / 4u / LANES][w % 4u] += select(0.0, lane_sum(dw2[c][j]), lane == w / 4u % LANES);
    }
  }
  for (var r = 0u; r < HEAD; r++) { // unroll
    if (B1 + r * LANES + lane < LEN) { partials[place + B1 + r * LANES + lane] = head[r]; }
  }
  let losses = lane_sum(loss);
  let all_hits = subgroupAdd(hits);
  let all_seen = subgroupAdd(seen);
  if (lane == 0u) {
    loss_partials[group.x] = losses;
    hit_partials[group.x] = all_hits;
    atomicAdd(&samples_seen[counter], all_seen);
  }
}

// The place in an image of word i of a lane. The quads are dealt out in STRIPS rounds, of what is left at
// the image's end the words in RESTS rounds, and of that the pixels in SINGLES rounds.
fn word_of(i: u32, lane: u32) -> u32 {
  return select(i * LANES + lane, (i / 4u * LANES + lane) * 4u + i % 4u, i < 4u * STRIPS);
}

// The place in an image of single pixel i of a lane.
fn single_of(i: u32, lane: u32) -> u32 {
  return 4u * WORDS * LANES + i * LANES + lane;
}

// A quad of an image.
fn quad_of(image: u32, quad: u32) -> vec4u {
  const IMAGES = ROW / QUADS; // of a row
  return textureLoad(pixels, vec2u(image % IMAGES * QUADS + quad, image / IMAGES));
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
// (By pointer: drivers take their time to see through copies of arrays.)
fn forward(sum: ptr<function, array<Turn, HIDDEN>>, p: array<vec4f, TURN>, w: Weights) {
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var v = 0u; v < 4u; v++) { // unroll
      for (var t = 0u; t < TURN; t++) { // unroll
        (*sum)[j][t] = fma(p[t][v], w[j][v], (*sum)[j][t]);
      }
    }
  }
}

// dw1 + dz1ᵀ x over a word's pixels.
fn backward(before: Weights, p: array<vec4f, TURN>, d: array<Turn, HIDDEN>) -> Weights {
  var sum = before;
  for (var j = 0u; j < HIDDEN; j++) { // unroll
    for (var t = 0u; t < TURN; t++) { // unroll
      sum[j] = fma(p[t], vec4f(d[j][t]), sum[j]);
    }
  }
  return sum;
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
fn pick(sums: Words, i: u32) -> Weights {
  var found: Weights;
  for (var k = 0u; k < WORDS; k++) { // unroll
    for (var j = 0u; j < HIDDEN; j++) { // unroll
      found[j] = select(found[j], sums[k][j], k == i);
    }
  }
  return found;
}

// The sum over the lanes, in every lane, in one order: LANES is a power of 2.
fn lane_sum(value: f32) -> f32 {
  var sum = value;
  for (var k = 0u; k < LOG_LANES; k++) { // unroll
    sum += subgroupShuffleXor(sum, 1u << k);
  }
  return sum;
}
