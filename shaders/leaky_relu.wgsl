// leaky_relu: a = z where z > 0, else SLOPE z, element by element. One invocation takes four. Written
// as a choice, so that a NaN goes on to the loss, where it is noticed.

const WORKGROUP = 64u; // invocations a workgroup
const SLOPE = 0.01;    // below 0; PyTorch's

@group(0) @binding(0) var<storage, read>       z: array<vec4f>; // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&a)) { return; }
  a[i] = select(SLOPE * z[i], z[i], z[i] > vec4f(0.0));
}
