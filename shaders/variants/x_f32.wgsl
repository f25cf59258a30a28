// x_f32: how the variants of matmul and weight_gradient read the inputs of a hidden layer. The program
// appends this file to them, and x_u8.wgsl or x_u8x16.wgsl to the same variants for the first layer.

alias X = vec4f;      // what one load brings
const X_QUADS = 1u;   // its inputs, by four
const X_BITS = 32u;   // of an input

@group(0) @binding(0) var<storage, read> x: array<X>; // (m, k / 4)

fn load_x(at: u32) -> X {
  return x[at];
}

// Four of the inputs of a load.
fn x_quad(loaded: X, quad: u32) -> vec4f {
  return loaded;
}

// A finished sum of products with x.
fn x_scaled(sum: vec4f) -> vec4f {
  return sum;
}
