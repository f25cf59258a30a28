// x_u8x16: as x_u8.wgsl, but sixteen pixels a load, for kernels that need them all at once: software drivers
// take longer over four loads. Images are padded to a multiple of 16 pixels.

alias X = vec4u;      // what one load brings
const X_QUADS = 4u;   // its pixels, by four
const X_BITS = 8u;    // of a pixel

@group(0) @binding(0) var<storage, read> pixels: array<X>; // (m, k / 16)

fn load_x(at: u32) -> X {
  return pixels[at];
}

// Four of the pixels of a load; `quad` is a constant in every call.
fn x_quad(loaded: X, quad: u32) -> vec4f {
  return pixels_of(loaded[quad]);
}

// A finished sum of products with the pixels.
fn x_scaled(sum: vec4f) -> vec4f {
  return sum / 255.0;
}
