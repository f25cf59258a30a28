// gather: the samples of one batch, side by side: row r is sample order[steps_done batch + r]. One invocation
// copies a word of 16 pixels; that of a row's first word the label, too.

const WORKGROUP = 64u; // invocations a workgroup

override k: u32;     // pixels of a sample, padded to a multiple of 16
override batch: u32; // samples of a batch; the last one of an epoch may have fewer

@group(0) @binding(0) var<storage, read>       order: array<u32>;          // (steps, batch) all sent ahead
@group(0) @binding(1) var<storage, read>       steps_done: array<u32>;        // (1) steps that are done of them
@group(0) @binding(2) var<storage, read>       train_pixels: array<vec4u>; // (samples, k / 16)
@group(0) @binding(3) var<storage, read>       train_labels: array<u32>;   // (samples)
@group(0) @binding(4) var<storage, read_write> pixels: array<vec4u>;       // (m, k / 16)
@group(0) @binding(5) var<storage, read_write> labels: array<u32>;         // (m)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&pixels)) { return; }
  let words = k / 16u;
  let row = i / words;
  let word = i % words;
  let sample = order[steps_done[0] * batch + row];
  pixels[i] = train_pixels[sample * words + word];
  if (word == 0u) { labels[row] = train_labels[sample]; }
}
