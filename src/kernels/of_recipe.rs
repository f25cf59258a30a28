//! Which kernels a recipe asks for. They have its own names.

use super::entry;
use crate::recipe::{Activation, Optimizer, Recipe};

/// The kernel of an activation, and that of its gradient.
pub fn activation_kernels(activation: Activation) -> [&'static str; 2] {
    let name = activation.name().replace('-', "_");
    [entry(&name).name, entry(&format!("{name}_backward")).name]
}

/// The kernel of an optimizer.
pub fn optimizer_kernel(optimizer: Optimizer) -> &'static str {
    entry(optimizer.name()).name
}

/// The kernel that gathers a batch.
pub fn gather_kernel(recipe: &Recipe) -> &'static str {
    if recipe.shift { "gather_shifted" } else { "gather" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_has_its_kernels() {
        for activation in Activation::ALL {
            activation_kernels(activation);
        }
        for optimizer in Optimizer::ALL {
            optimizer_kernel(optimizer);
        }
    }
}
