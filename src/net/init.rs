//! Where training starts: seeded, the same on every device and for ever.

use rand_chacha::rand_core::Rng;

use super::{LayerShape, Parameters, Shape, parameters::ParameterKind};
use crate::recipe::generator;

/// How the initial parameters are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Weights and biases uniform in [-0.5, 0.5), the seed's own way.
    Uniform,
    /// Weights uniform within sqrt(6 / fan_in), biases zero (He et al. 2015).
    He,
    /// Weights uniform within sqrt(6 / (fan_in + fan_out)), biases zero (Glorot and Bengio 2010).
    Xavier,
}

impl Init {
    /// Draws the parameters of `shape`: layer by layer, weights row-major, then bias.
    ///
    /// They come from stream 0 of the [`generator`]; a draw is the top 24 bits of a word times 2^-24. A
    /// zero bias draws nothing.
    pub fn parameters(self, shape: &Shape, seed: u64) -> Parameters<f32> {
        let mut random = generator(seed, 0);
        let mut unit = move || (random.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0);
        Parameters::generate(shape, |kind, layer| match (self, kind) {
            (Init::Uniform, _) => unit() - 0.5,
            (_, ParameterKind::Weight) => (2.0 * unit() - 1.0) * self.limit(layer),
            (_, ParameterKind::Bias) => 0.0,
        })
    }

    /// The bound of the weights of a layer.
    fn limit(self, layer: LayerShape) -> f32 {
        let fan = match self {
            Init::Uniform => return 0.5,
            Init::He => layer.inputs,
            Init::Xavier => layer.inputs + layer.outputs,
        };
        (6.0 / fan as f64).sqrt() as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that seed 42 means, for ever; computed by an independent ChaCha8. A block of the
    /// generator is 16 words; every uniform value is exact.
    #[test]
    fn seed_42_draws_the_documented_values() {
        let shape = Shape::new(784, &[10], 10).unwrap();
        let values: Vec<_> = Init::Uniform.parameters(&shape, 42).values().collect();
        assert_eq!(values.len(), shape.parameters());
        assert!(values.iter().all(|v| (-0.5..0.5).contains(v)));
        for (index, top_24_bits) in [
            (0, 1_675_176),
            (1, 5_842_740),
            (2, 1_482_231),
            (3, 4_793_226),
            (4, 6_618_256),
            (5, 8_279_094),
            (15, 4_471_478),
            (16, 3_926_178),
            (63, 2_718_329),
            (64, 13_875_207),
            (7959, 15_096_614),
        ] {
            assert_eq!(values[index], top_24_bits as f32 / 16_777_216.0 - 0.5, "value {index}");
        }
        let he: Vec<_> = Init::He.parameters(&shape, 42).values().take(3).collect();
        assert_eq!(he, [-0.070_011_966, -0.026_549_94, -0.072_024_12]);
        let high_seed = Init::Uniform.parameters(&shape, (1 << 63) + 5);
        assert_eq!(high_seed.layers[0].weight[(0, 0)], 0.369_373_38);
    }

    #[test]
    fn he_and_xavier_stay_within_their_bounds_and_zero_the_biases() {
        let shape = Shape::new(100, &[50], 10).unwrap();
        for (init, limits) in [
            (Init::He, [(6.0f32 / 100.0).sqrt(), (6.0f32 / 50.0).sqrt()]),
            (Init::Xavier, [(6.0f32 / 150.0).sqrt(), (6.0f32 / 60.0).sqrt()]),
        ] {
            let parameters = init.parameters(&shape, 7);
            for (layer, limit) in parameters.layers.iter().zip(limits) {
                let largest = layer.weight.iter().fold(0.0f32, |a, b| a.max(b.abs()));
                assert!(largest <= limit && largest > 0.95 * limit, "{largest} against {limit}");
                assert!(layer.bias.iter().all(|&b| b == 0.0));
            }
        }
    }
}
