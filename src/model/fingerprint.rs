//! One line that says whether two runs ended in the same weights, bit for bit.

use sha2::{Digest, Sha256};

use crate::net::Parameters;

/// The SHA-256, in lower-case hexadecimal, of all parameters as little-endian f32: layer by layer,
/// weights (outputs, inputs) row-major, then bias.
///
/// It is the SHA-256 of a saved model without its header.
pub fn weights_sha256(parameters: &Parameters<f32>) -> String {
    let mut hash = Sha256::new();
    for value in parameters.values() {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Init, Shape};

    /// The hashes were computed by another implementation of ChaCha8 and of the drawing.
    #[test]
    fn the_start_of_the_default_network_is_pinned() {
        let shape = Shape::new(784, &[10], 10).unwrap();
        for (init, expected) in [
            (Init::Uniform, "7347beb02725afdc43823bb3fae038c7a723e6696a11a0bf039395da99bbe05f"),
            (Init::He, "c2c7f2fbf461305c3309403245b34400298cbd14e9dfa3cdab117bcda0957095"),
        ] {
            assert_eq!(weights_sha256(&init.parameters(&shape, 42)), expected, "{init:?}");
        }
    }
}
