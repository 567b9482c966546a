//! From a plugin's source folder to one file that the host loads: find a compiler for wasm, build,
//! wrap the module into a component, put the manifest into it. Used by `cargo xtask plugins` and by
//! `inkstone plugin build`; loading and running plugins is the host's work, not this crate's.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod build;
pub mod componentise;
pub mod error;
pub mod pack;
pub mod package;
pub mod toolchain;

pub use error::PackageError;
pub use inkstone_package::SigningKey;
pub use pack::{Packed, pack_file, pack_workspace, sign_file};
pub use package::{Packaged, package_file, package_workspace};
pub use toolchain::{Found, Toolchain};
