// sigmoid_backward: dz = da a (1 - a), where a = sigmoid(z). One invocation takes four elements.

const WORKGROUP = 64u; // invocations a workgroup

@group(0) @binding(0) var<storage, read>       a: array<vec4f>;  // (m, n / 4) after the activation
@group(0) @binding(1) var<storage, read>       da: array<vec4f>; // (m, n / 4) gradient from above
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&dz)) { return; }
  dz[i] = da[i] * a[i] * (1.0 - a[i]);
}
