// gelu_backward: dz = da (s + z s (1 - s) v'), where gelu(z) = z s, s = sigmoid(v) and
//   v = SCALE (z + CUBIC z^3)      v' = SCALE (1 + 3 CUBIC z^2)
// One invocation takes four elements. s (1 - s) is computed as e / (1 + e)^2 with e = exp(-|v|), in
// which nothing cancels.

const WORKGROUP = 64u; // invocations a workgroup
const CUBIC = 0.044715;           // those of gelu
const SCALE = 1.5957691216057308; // 2 sqrt(2 / pi)
const FLAT = 20.0;                // beyond, s is 0 or 1; keeps z^3 from overflow

@group(0) @binding(0) var<storage, read>       z: array<vec4f>;  // (m, n / 4) before the activation
@group(0) @binding(1) var<storage, read>       da: array<vec4f>; // (m, n / 4) gradient from above
@group(0) @binding(2) var<storage, read_write> dz: array<vec4f>; // (m, n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = flat_index(id, groups, WORKGROUP);
  if (i >= arrayLength(&dz)) { return; }
  let x = select(z[i], sign(z[i]) * FLAT, abs(z[i]) > vec4f(FLAT));
  let v = SCALE * (x + CUBIC * x * x * x);
  let slope = SCALE * (1.0 + 3.0 * CUBIC * x * x);
  let e = exp(-abs(v));
  let s = sigmoid_of(v);
  dz[i] = da[i] * (s + x * (e / ((1.0 + e) * (1.0 + e))) * slope);
}
