// reduce_gradient: gradient = 1/m x the sum of the partial sums, in their order. The one place
// where 1/m is applied (reduce_update stands for it in the fused plan). One invocation takes four elements.

const WORKGROUP = 64u; // invocations a workgroup

override splits: u32;  // partial sums of each element
override samples: u32; // m

@group(0) @binding(0) var<storage, read>       partials: array<vec4f>; // (splits, len / 4)
@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>; // (len / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let len = arrayLength(&gradient);
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= len) { return; }

  var sum = vec4f(0.0);
  for (var split = 0u; split < splits; split++) {
    sum += partials[split * len + i];
  }
  gradient[i] = sum / f32(samples);
}
