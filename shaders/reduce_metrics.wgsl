// reduce_metrics: adds partial_metrics' partials to the totals of loss and correct predictions, which the host clears
// where a count starts: one may run over several batches. One invocation adds them up in order: there is
// one for 256 samples, and few bytes come back.
//
// A total may take in many thousand batches, and each addition rounds it. So there are many sums of the
// loss, which take turns, and the host adds them up. (What rounding takes away cannot be kept beside
// one sum: some drivers simplify added - (after - before) to 0.)

@group(0) @binding(0) var<storage, read>       loss_partials: array<f32>; // (partials)
@group(0) @binding(1) var<storage, read>       correct_partials: array<u32>;  // (partials)
@group(0) @binding(2) var<storage, read_write> loss_sum: array<f32>;      // (turns) totals so far
@group(0) @binding(3) var<storage, read_write> correct_sum: array<u32>;          // (2) total so far, and additions so far

@compute @workgroup_size(1)
fn main() {
  var loss_total = 0.0;
  var correct_total = 0u;
  for (var i = 0u; i < arrayLength(&loss_partials); i++) {
    loss_total += loss_partials[i];
    correct_total += correct_partials[i];
  }
  loss_sum[correct_sum[1] % arrayLength(&loss_sum)] += loss_total;
  correct_sum[0] += correct_total;
  correct_sum[1] += 1u;
}
