//! A plugin as one file, `name-1.2.0.inkplug`: what is in it, how it is read without trusting it, who
//! signed it, and whether that does. Bytes come in and checked values go out; nothing here reads a
//! file, and nothing in a package is ever written to a path.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod archive;
mod error;
mod index;
mod key;
mod names;
mod package;
mod policy;
mod signature;

pub use error::{PackageError, Untrusted};
pub use index::{FORMAT, Index};
pub use key::{KeyId, PublicKey, SigningKey};
pub use names::{check_id, check_version};
pub use package::{Contents, EXTENSION, Package, is_package, pack, read, sign};
pub use policy::{Revocation, TrustPolicy, TrustedKey};
pub use signature::Signature;

/// A longer package is not read, nor a longer bare component, bytes.
pub const MAX_PACKAGE_BYTES: u64 = 256 << 20;
/// A longer component is not unpacked, bytes.
pub const MAX_COMPONENT_BYTES: u64 = 256 << 20;
/// Of every other entry, bytes.
pub const MAX_TEXT_BYTES: u64 = 1 << 20;
