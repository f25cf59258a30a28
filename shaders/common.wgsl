// common: what several kernels share. It is appended to each of them, so that their lines hold.

// The number of an invocation. The host spreads workgroups over x and y, as one dimension holds
// only 65,535 of them; `width` is the kernel's invocations a workgroup.
fn flat_index(id: vec3u, groups: vec3u, width: u32) -> u32 {
  return id.y * groups.x * width + id.x;
}

// Four pixels of a packed word as numbers from 0 to 255. (By shifts: on software drivers
// unpack4xU8 takes twice as long.)
fn pixels_of(word: u32) -> vec4f {
  return vec4f((vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(255u));
}

// A sum over more than LONG_SUM inputs is a sum of sums over SHORT_SUM inputs: they lose fewer digits.
const LONG_SUM = 174752u;
const SHORT_SUM = 8192u;

// sum + a · b, one product after another.
fn dot_add(a: vec4f, b: vec4f, sum: f32) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

// Where a number is none: by its bits, as WGSL lets a compiler assume that there is no NaN.
fn is_nan(z: vec4f) -> vec4<bool> {
  return (bitcast<vec4u>(z) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u);
}

// 1 / (1 + exp(-z)). The exponent is never positive, so that nothing overflows, and a NaN stays one,
// which the exp of some drivers makes a number.
fn sigmoid_of(z: vec4f) -> vec4f {
  let e = exp(-abs(z));
  return select(select(e, vec4f(1.0), z > vec4f(0.0)) / (1.0 + e), z, is_nan(z));
}
