//! The Rust side of `wit/`, expanded by `bindgen!` and nothing else: a module per released version
//! of the contract. Only the host uses it; what the generated types mean is said in the WIT files.

pub mod v0_1_0;
pub mod v0_2_0;

/// The version that the host's own code speaks; the older ones convert to it.
pub use v0_2_0 as latest;
