// silu_backward: dz = da (s + z s (1 - s)), where s = sigmoid(z). One invocation takes four elements.
// s (1 - s) is computed as e / (1 + e)^2 with e = exp(-|z|), in which nothing cancels.

const WORKGROUP = 64u; // invocations a workgroup

@group(0) @binding(0) var<storage, read>       z: array<vec4f>;  // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read>       da: array<vec4f>; // (m, n / 4) gradient from above
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&dz)) { return; }
  let e = exp(-abs(z[i]));
  dz[i] = da[i] * (sigmoid_of(z[i]) + z[i] * (e / ((1.0 + e) * (1.0 + e))));
}
