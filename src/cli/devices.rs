//! `shadegrad devices`: the adapters and what of them matters here.

use super::Error;
use crate::{
    gpu::{adapters, no_adapter},
    report::Listing,
};

/// Lists all adapters of all back ends, best first.
///
/// # Errors
/// A device error where there is none.
pub fn run(json: bool) -> Result<(), Error> {
    let list = adapters();
    if list.is_empty() {
        return Err(no_adapter().into());
    }
    let mut listing = Listing::default();
    for adapter in list {
        if json {
            listing.json(&serde_json::json!({
                "index": adapter.index,
                "name": adapter.name(),
                "backend": adapter.backend(),
                "type": adapter.kind(),
                "driver": adapter.driver(),
                "traits": adapter.traits().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
            }))?;
        } else {
            listing.line(&format!("{}: {}", adapter.index, adapter.name()))?;
            listing.item("backend", adapter.backend())?;
            listing.item("type", adapter.kind())?;
            listing.item("driver", &adapter.driver())?;
            for (name, value) in adapter.traits() {
                listing.item(name, &value)?;
            }
        }
    }
    Ok(())
}
