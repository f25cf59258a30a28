// leaky_relu_backward: dz = da where z > 0, else SLOPE da. One invocation takes four elements. The
// derivative at 0 is SLOPE.

const WORKGROUP = 64u; // invocations a workgroup
const SLOPE = 0.01;    // that of leaky_relu

@group(0) @binding(0) var<storage, read>       z: array<vec4f>;  // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read>       da: array<vec4f>; // (m, n / 4) gradient from above
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&dz)) { return; }
  dz[i] = select(SLOPE * da[i], da[i], z[i] > vec4f(0.0));
}
