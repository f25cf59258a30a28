//! From a gradient to new parameters.

use super::by_name::by_name;

/// The decay of the two moments of `adam` and `adamw`: BETA1 and BETA2 of their shaders.
pub const BETAS: [f64; 2] = [0.9, 0.999];

by_name! {
    /// The rule by which a step follows from the gradient. Formulas and constants are PyTorch's; they are in the
    /// shader of each, which has the same name.
    pub enum Optimizer {
        /// Against the gradient.
        Sgd = "sgd",
        /// Against a decaying sum of the gradients.
        Momentum = "momentum",
        /// The same, one step ahead.
        Nesterov = "nesterov",
        /// Against the gradient, over the root of a decaying mean of its square.
        Rmsprop = "rmsprop",
        /// Against a decaying mean, over the root of one of the square, both without their bias to 0.
        Adam = "adam",
        /// The same, and weight decay apart from the gradient.
        Adamw = "adamw",
    }
}

impl Optimizer {
    /// What it remembers of each parameter from step to step, by the names in its shader.
    pub fn state(self) -> &'static [&'static str] {
        match self {
            Optimizer::Sgd => &[],
            Optimizer::Momentum | Optimizer::Nesterov => &["velocity"],
            Optimizer::Rmsprop => &["mean_square"],
            Optimizer::Adam | Optimizer::Adamw => &["moment1", "moment2"],
        }
    }

    /// Whether a step depends on how many there were before.
    pub fn counts_steps(self) -> bool {
        matches!(self, Optimizer::Adam | Optimizer::Adamw)
    }

    /// The learning rate that PyTorch gives it, or for those without adaptation 0.1.
    pub fn default_alpha(self) -> f64 {
        match self {
            Optimizer::Sgd | Optimizer::Momentum | Optimizer::Nesterov => 0.1,
            Optimizer::Rmsprop => 0.01,
            Optimizer::Adam | Optimizer::Adamw => 0.001,
        }
    }

    /// The weight decay that PyTorch gives it.
    pub fn default_weight_decay(self) -> f64 {
        match self {
            Optimizer::Adamw => 0.01,
            _ => 0.0,
        }
    }
}
