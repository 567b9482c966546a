//! How much a file may ask of us, whatever it says of itself.

use inkstone_domain::{Error, codes};

/// Bounds of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferLimits {
    /// As it is sent.
    pub file_bytes: u64,
    /// All entries of a ZIP file, unpacked.
    pub unpacked_bytes: u64,
    /// Entries of a file, in any format.
    pub entries: usize,
}

impl Default for TransferLimits {
    /// 512 MiB, 4 GiB, 200,000.
    fn default() -> Self {
        Self {
            file_bytes: 512 << 20,
            unpacked_bytes: 4 << 30,
            entries: 200_000,
        }
    }
}

/// Of one article in any format: a body of a mebibyte, each byte of it escaped, and all around it.
pub const MAX_ENTRY_BYTES: u64 = 8 << 20;
/// What text comes to at best is a hundredth; more is made to fill a disk.
pub const MAX_RATIO: u64 = 200;
/// Below this nobody asks for the ratio.
pub const FREE_BYTES: u64 = 16 << 20;

/// Imports of one user that have not ended: their files lie on the disk until then.
pub const MOST_OPEN: usize = 10;
/// More than anybody has ever saved; what a file counts from goes on counting here.
pub const MOST_REVISION: u64 = 1 << 31;

/// Said of an entry that is too long.
pub fn too_long() -> Error {
    longer_than(MAX_ENTRY_BYTES)
}

/// It has more than these.
pub fn longer_than(most_bytes: u64) -> Error {
    let message =
        format!("it has more than {most_bytes} bytes, which is more than is taken in at once");
    Error::new(&codes::BODY_TOO_LARGE, message)
}
