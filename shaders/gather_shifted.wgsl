// gather_shifted: the samples of one batch, side by side, each picture moved: row r is sample
// order[p] at the place p = steps_done batch + r, shifts[p] / SIDE - SIDE / 2 rows down and
// shifts[p] % SIDE - SIDE / 2 columns to the right. What comes in is 0, what leaves is lost. One
// invocation makes WORDS words of 4 pixels; that of a row's first words writes the label, too.
//
// Seen as one long row, all pixels of a picture move equally far, so that 4 of them come from two words
// that are neighbours; those that crossed an edge on the way become 0.

const WORKGROUP = 64u; // invocations a workgroup
const WORDS = 4u;      // words an invocation: 1, 2 or 4
const SIDE = 5u;       // shifts of each direction: -2 to 2

override k: u32;            // pixels of a sample, padded to a multiple of 16; the padding is 0
override batch: u32;        // samples of a batch; the last one of an epoch may have fewer
override picture_rows: u32;
override picture_cols: u32;

@group(0) @binding(0) var<storage, read>       order: array<u32>;        // (steps, batch) all sent ahead
@group(0) @binding(1) var<storage, read>       shifts: array<u32>;       // (steps, batch) below SIDE^2
@group(0) @binding(2) var<storage, read>       steps_done: array<u32>;      // (1) steps that are done of them
@group(0) @binding(3) var<storage, read>       train_pixels: array<u32>; // (samples, k / 4)
@group(0) @binding(4) var<storage, read>       train_labels: array<u32>; // (samples)
@group(0) @binding(5) var<storage, read_write> pixels: array<u32>;       // (m, k / 4)
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;       // (m)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  let words = k / 4u;
  let row = i / (words / WORDS);
  let word = WORDS * (i % (words / WORDS));
  if (row >= arrayLength(&labels)) { return; }
  let place = steps_done[0] * batch + row;
  let sample = order[place];
  // As u32: what is above the first row or left of the first column is huge.
  let down = shifts[place] / SIDE - SIDE / 2u;
  let right = shifts[place] % SIDE - SIDE / 2u;

  let start = i32(4u * word - down * picture_cols - right);
  let bits = 8u * (u32(start) % 4u);
  var lower = word_of(sample, start >> 2u);
  for (var w = 0u; w < WORDS; w++) { // unroll
    let upper = word_of(sample, (start >> 2u) + i32(w) + 1);
    let moved = select((lower >> bits) | (upper << (32u - bits)), lower, bits == 0u);
    let pixel = 4u * (word + w) + vec4u(0u, 1u, 2u, 3u);
    let y = pixel / picture_cols;
    let x = pixel % picture_cols - right;
    let inside = (y < vec4u(picture_rows)) & (y - down < vec4u(picture_rows)) & (x < vec4u(picture_cols));
    let mask = select(vec4u(0u), vec4u(0xffu, 0xff00u, 0xff0000u, 0xff000000u), inside);
    pixels[row * words + word + w] = moved & (mask.x | mask.y | mask.z | mask.w);
    lower = upper;
  }
  if (word == 0u) { labels[row] = train_labels[sample]; }
}

// Where a word lies beside its sample, no pixel of it is used.
fn word_of(sample: u32, word: i32) -> u32 {
  let words = k / 4u;
  return train_pixels[sample * words + u32(clamp(word, 0, i32(words) - 1))];
}
