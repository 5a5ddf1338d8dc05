//! The house's own tools as a library, so that `cargo xtask tidy` and the test of the same name are one piece of code.
//!
//! Owns: the order of the checks and the rules of the house. Knows nothing of HTTP and depends on `std` only.

#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

pub mod arguments;
pub mod bench;
pub mod budget;
pub mod conformance;
pub mod features;
mod formats;
pub mod fuzz;
pub mod go;
pub mod install;
pub mod matrix;
mod nginx;
mod python;
pub mod soak;
pub mod steps;
pub mod tidy;
mod valgrind;

/// The root of the checkout this program was built from.
///
/// Cargo tells it at run time; when the program is started by hand, the place it was built in is used.
#[must_use]
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
