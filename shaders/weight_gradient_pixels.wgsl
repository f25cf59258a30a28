// weight_gradient_pixels: dw += dzᵀ x for the first layer, where x = pixels / 255.
// The samples are split into `splits` ranges, each with a partial sum of its own, which
// reduce_gradient adds up in order. One invocation sums a tile of 4 units x 16 pixels over one
// range: dz brings 4 units, a vec4u 16 pixels. It counts its samples: the host checks the count.
// 1 of 3: read this first. The same for GPUs is variants/weight_gradient.tiled.wgsl, and for software drivers
// variants/weight_gradient.small_subgroups.wgsl.

const WORKGROUP = 64u; // invocations a workgroup

override k: u32;       // pixels an image, padded to a multiple of 16
override n: u32;       // units, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // to what the partial sums hold; else they are replaced
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(1) var<storage, read>       pixels: array<vec4u>;      // (m, k / 16), 16 u8 each
@group(0) @binding(2) var<storage, read_write> dw_partials: array<vec4f>; // (splits, n, k / 4)
@group(0) @binding(3) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&dz) / (n / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let word = i % (k / 16u);
  let unit = i / (k / 16u) % (n / 4u);
  let split = i / (k / 16u * (n / 4u));
  if (split >= splits) { return; }
  let rows = (m + splits - 1u) / splits;

  var sum: array<mat4x4f, 4>; // a matrix for each 4 pixels, in it a column for each unit
  for (var v = 0u; v < 4u; v++) { // unroll
    sum[v] = mat4x4f();
  }
  var seen = 0u;
  for (var row = split * rows; row < min((split + 1u) * rows, m); row++) {
    let d = dz[row * (n / 4u) + unit];
    let x = pixels[row * (k / 16u) + word];
    for (var v = 0u; v < 4u; v++) { // unroll
      let p = pixels_of(x[v]);
      for (var u = 0u; u < 4u; u++) { // unroll
        sum[v][u] = fma(p, vec4f(d[u]), sum[v][u]);
      }
    }
    seen++;
  }
  for (var u = 0u; u < 4u; u++) { // unroll
    for (var v = 0u; v < 4u; v++) { // unroll
      let place = ((split * n + 4u * unit + u) * (k / 16u) + word) * 4u + v;
      var part = sum[v][u] / 255.0;
      if (accumulate) { part += dw_partials[place]; }
      dw_partials[place] = part;
    }
  }
  if (word == 0u && unit == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
