//! The names of the plans.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// How an iteration is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanKind {
    /// Two kernels, which read the pixels once: one narrow hidden layer.
    Fused,
    /// One kernel for each formula: any network.
    Layerwise,
}

impl PlanKind {
    /// Both of them.
    pub const ALL: [Self; 2] = [PlanKind::Fused, PlanKind::Layerwise];

    /// fused or layerwise
    pub fn name(self) -> &'static str {
        match self {
            PlanKind::Fused => "fused",
            PlanKind::Layerwise => "layerwise",
        }
    }
}

impl fmt::Display for PlanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PlanKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = PlanKind::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| "expected fused or layerwise".into())
    }
}
