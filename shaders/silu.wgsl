// silu: a = z / (1 + exp(-z)), element by element: z times its sigmoid. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup

@group(0) @binding(0) var<storage, read>       z: array<vec4f>; // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&a)) { return; }
  a[i] = z[i] * sigmoid_of(z[i]);
}
