//! Functions after the hidden layers.

use super::by_name::by_name;

by_name! {
    /// What is applied to each unit of a hidden layer. The kernel has the same name, with `_` for `-`.
    pub enum Activation {
        /// max(z, 0)
        Relu = "relu",
        /// z where z > 0, else z / 100
        LeakyRelu = "leaky-relu",
        /// The hyperbolic tangent.
        Tanh = "tanh",
        /// 1 / (1 + exp(-z))
        Sigmoid = "sigmoid",
        /// z times the probability that a normal number is below z, by its formula with tanh.
        Gelu = "gelu",
        /// z / (1 + exp(-z))
        Silu = "silu",
    }
}
