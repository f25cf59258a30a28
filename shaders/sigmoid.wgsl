// sigmoid: a = 1 / (1 + exp(-z)), element by element; 0 at units of padding, where it would be 1/2 and
// give the padded weights of the next layer a gradient. One invocation takes four.

const WORKGROUP = 64u; // invocations a workgroup

override units: u32; // units of the layer; the rest of n is padding
override n: u32;     // units, padded to a multiple of 4

@group(0) @binding(0) var<storage, read>       z: array<vec4f>; // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read_write> a: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&a)) { return; }
  let unit = 4u * (i % (n / 4u)) + vec4u(0u, 1u, 2u, 3u);
  a[i] = select(vec4f(0.0), sigmoid_of(z[i]), unit < vec4u(units));
}
