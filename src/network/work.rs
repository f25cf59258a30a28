//! What a plan's dispatches compute, for who measures them.

use crate::kernels::Sizes;

/// One dispatch of a plan: which kernel, at which sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The registered name.
    pub kernel: &'static str,
    /// Its sizes, in the meaning that the kernel's cases give them.
    pub sizes: Sizes,
}
