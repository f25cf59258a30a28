//! Which graphics APIs are looked at, and for which adapter.

use super::SessionError;
use crate::gpu::{GraphicsApi, Wanted};

/// The APIs to look for adapters on: the one asked for, or those of `WGPU_BACKEND`; an empty list means all.
///
/// # Errors
/// [`SessionError::UnknownApi`] if the variable names none.
pub fn graphics_apis(wanted: Option<GraphicsApi>) -> Result<Vec<GraphicsApi>, SessionError> {
    if let Some(api) = wanted {
        return Ok(vec![api]);
    }
    let names = std::env::var("WGPU_BACKEND").unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| GraphicsApi::named(name).ok_or_else(|| SessionError::UnknownApi(name.into()))).collect()
}

/// The adapter that `WGPU_ADAPTER_NAME` asks for; `None` if it is not set, or empty.
pub fn adapter_of_environment() -> Option<Wanted> {
    let name = std::env::var_os("WGPU_ADAPTER_NAME")?;
    let name = name.to_string_lossy().trim().to_owned();
    (!name.is_empty()).then_some(Wanted::Name(name))
}
