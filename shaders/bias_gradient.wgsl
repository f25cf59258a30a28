// bias_gradient: db += sum of dz over the samples, one sum for each unit.
// The samples are split into `splits` ranges, each with a partial sum of its own, which
// reduce_gradient adds up in order. One invocation sums 4 units over one range. It counts its
// samples: the host checks the count.

const WORKGROUP = 64u; // invocations a workgroup

override n: u32;       // units of the layer, padded to a multiple of 4
override splits: u32;  // ranges of samples
override accumulate: bool; // to what the partial sums hold; else they are replaced
override counter: u32; // this kernel's place in samples_seen

@group(0) @binding(0) var<storage, read>       dz: array<vec4f>;          // (m, n / 4)
@group(0) @binding(1) var<storage, read_write> db_partials: array<vec4f>; // (splits, n / 4)
@group(0) @binding(2) var<storage, read_write> samples_seen: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let m = arrayLength(&dz) / (n / 4u);
  let i = flat_index(id, groups, WORKGROUP);
  let unit = i % (n / 4u);
  let split = i / (n / 4u);
  if (split >= splits) { return; }
  let rows = (m + splits - 1u) / splits;

  var sum = vec4f(0.0);
  var seen = 0u;
  for (var row = split * rows; row < min((split + 1u) * rows, m); row++) {
    sum += dz[row * (n / 4u) + unit];
    seen++;
  }
  let place = split * (n / 4u) + unit;
  if (accumulate) { sum += db_partials[place]; }
  db_partials[place] = sum;
  if (unit == 0u) { atomicAdd(&samples_seen[counter], seen); }
}
