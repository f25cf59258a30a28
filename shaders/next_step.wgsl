// next_step: what the next update is made with: its learning rate, of those sent ahead; and counts the
// step. One invocation, before the update and behind what gathers its batch.

@group(0) @binding(0) var<storage, read>       rates: array<vec4f>; // (steps) lr and corrections, see adam
@group(0) @binding(1) var<storage, read_write> steps_done: array<u32>; // (1) steps that are done of them
@group(0) @binding(2) var<storage, read_write> rate: array<vec4f>;  // (1)

@compute @workgroup_size(1)
fn main() {
  rate[0] = rates[steps_done[0]];
  steps_done[0] += 1u;
}
