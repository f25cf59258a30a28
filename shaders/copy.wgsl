// copy: y = x, word for word: the most bytes a second that this device moves for WGSL. `bench` holds
// the other kernels against it. One invocation copies four numbers.

const WORKGROUP = 64u; // invocations a workgroup

@group(0) @binding(0) var<storage, read>       x: array<vec4f>; // (n / 4)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // (n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&y)) { return; }
  y[i] = x[i];
}
