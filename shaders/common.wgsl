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

// sum + a · b, one product after another.
fn dot_add(a: vec4f, b: vec4f, sum: f32) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}
