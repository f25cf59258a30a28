//! Functions after the hidden layers.

use super::by_name::by_name;

/// What is applied to each unit of a hidden layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(z, 0)
    Relu,
    /// z where z > 0, else z / 100
    LeakyRelu,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-z))
    Sigmoid,
    /// z times the probability that a normal number is below z, by its formula with tanh.
    Gelu,
    /// z / (1 + exp(-z))
    Silu,
}

impl Activation {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Activation::Relu,
        Activation::LeakyRelu,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Gelu,
        Activation::Silu,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Relu => "relu",
            Activation::LeakyRelu => "leaky-relu",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
            Activation::Gelu => "gelu",
            Activation::Silu => "silu",
        }
    }
}

by_name!(Activation);
