//! What several test programs share. A program that needs little of it names the files that it needs.

pub mod binary;
pub mod data;
pub mod folder;
pub mod gpu;
pub mod idx;

pub use binary::shadegrad;
pub use data::dataset;
pub use folder::folder;
