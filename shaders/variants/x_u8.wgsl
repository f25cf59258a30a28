// x_u8: how the variants of matmul_pixels and weight_gradient_pixels read pixels, four a load; x = pixels / 255.
// The pixels are never stored as f32: they are unpacked here, and 1/255 is applied once, to the finished
// sum. The program appends this file to the variants.

alias X = u32;        // what one load brings
const X_QUADS = 1u;   // its pixels, by four
const X_BITS = 8u;    // of a pixel

@group(0) @binding(0) var<storage, read> pixels: array<X>; // (m, k / 4)

fn load_x(at: u32) -> X {
  return pixels[at];
}

// Four of the pixels of a load.
fn x_quad(loaded: X, quad: u32) -> vec4f {
  return pixels_of(loaded);
}

// A finished sum of products with the pixels.
fn x_scaled(sum: vec4f) -> vec4f {
  return sum / 255.0;
}
