// reduce_metrics: adds count_metrics' partials to the totals of loss and hits, which the host clears
// where a count starts: one may run over several batches. One invocation adds them up in order: there is
// one for 256 samples, and few bytes come back.

@group(0) @binding(0) var<storage, read>       loss_partials: array<f32>; // (partials)
@group(0) @binding(1) var<storage, read>       hit_partials: array<u32>;  // (partials)
@group(0) @binding(2) var<storage, read_write> loss_sum: array<f32>;      // (1) total so far
@group(0) @binding(3) var<storage, read_write> hits: array<u32>;          // (1) total so far

@compute @workgroup_size(1)
fn main() {
  var loss_total = 0.0;
  var hit_total = 0u;
  for (var i = 0u; i < arrayLength(&loss_partials); i++) {
    loss_total += loss_partials[i];
    hit_total += hit_partials[i];
  }
  loss_sum[0] += loss_total;
  hits[0] += hit_total;
}
