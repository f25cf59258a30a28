// multiply_add: y = x, then k times over y = FACTOR y + ADDEND: the most multiply-adds a second that
// this device does for WGSL. `bench` holds the other kernels against it.
// One invocation keeps CHAINS vec4s in registers, none of which waits for another. Each comes from a
// buffer and is written back, so that no step can be left out. FACTOR and ADDEND are exact in f32 and
// draw every chain towards 1: nothing overflows, and roundings fade.

const WORKGROUP = 64u;       // invocations a workgroup
const CHAINS = 3u;           // vec4s an invocation
const STEPS = 16u;           // steps that are written out in one turn of the loop
const FACTOR = 0.9990234375; // 1 - 2^-10
const ADDEND = 0.0009765625; // 2^-10

override k: u32; // steps of a chain, a multiple of STEPS

@group(0) @binding(0) var<storage, read>       x: array<vec4f>; // (n / 4)
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>; // (n / 4)

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let len = arrayLength(&y);
  let first = flat_index(id, groups, WORKGROUP) * CHAINS;
  if (first >= len) { return; }

  var chain: array<vec4f, CHAINS>;
  for (var c = 0u; c < CHAINS; c++) { // unroll
    chain[c] = x[min(first + c, len - 1u)];
  }
  for (var step = 0u; step < k; step += STEPS) {
    for (var s = 0u; s < STEPS; s++) { // unroll
      for (var c = 0u; c < CHAINS; c++) { // unroll
        chain[c] = fma(chain[c], vec4f(FACTOR), vec4f(ADDEND));
      }
    }
  }
  for (var c = 0u; c < CHAINS; c++) { // unroll
    if (first + c < len) { y[first + c] = chain[c]; }
  }
}
