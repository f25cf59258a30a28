// gather_shifted: the samples of one batch, side by side, each picture moved: row r is sample
// order[p] at the place p = clock batch + r, shifts[p] / SIDE - SIDE / 2 rows down and
// shifts[p] % SIDE - SIDE / 2 columns to the right. What comes in is 0, what leaves is lost. One
// invocation makes a word of 4 pixels; that of a row's first word writes the label, too.

const WORKGROUP = 64u; // invocations a workgroup
const SIDE = 5;        // shifts of each direction: -2 to 2

override k: u32;            // pixels of a sample, padded to a multiple of 16; the padding is 0
override batch: u32;        // samples of a batch; the last one of an epoch may have fewer
override picture_rows: u32;
override picture_cols: u32;

@group(0) @binding(0) var<storage, read>       order: array<u32>;        // (steps, batch) of the steps sent ahead
@group(0) @binding(1) var<storage, read>       shifts: array<u32>;       // (steps, batch) below SIDE^2
@group(0) @binding(2) var<storage, read>       clock: array<u32>;        // (1) steps that are done of them
@group(0) @binding(3) var<storage, read>       train_pixels: array<u32>; // (samples, k / 4)
@group(0) @binding(4) var<storage, read>       train_labels: array<u32>; // (samples)
@group(0) @binding(5) var<storage, read_write> pixels: array<u32>;       // (m, k / 4)
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;       // (m)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&pixels)) { return; }
  let words = k / 4u;
  let row = i / words;
  let word = i % words;
  let place = clock[0] * batch + row;
  let sample = order[place];
  let shift = i32(shifts[place]);
  let down = shift / SIDE - SIDE / 2;
  let right = shift % SIDE - SIDE / 2;

  var moved = 0u;
  for (var byte = 0u; byte < 4u; byte++) {
    let pixel = 4u * word + byte;
    let y = pixel / picture_cols;
    // Above the first row and left of the first column, these are huge.
    let from_y = u32(i32(y) - down);
    let from_x = u32(i32(pixel % picture_cols) - right);
    if (y < picture_rows && from_y < picture_rows && from_x < picture_cols) {
      let source = from_y * picture_cols + from_x;
      let value = train_pixels[sample * words + source / 4u] >> (8u * (source % 4u));
      moved |= (value & 255u) << (8u * byte);
    }
  }
  pixels[i] = moved;
  if (word == 0u) { labels[row] = train_labels[sample]; }
}
