//! Randomness: the host's cryptographic generator, and a seeded one for what must be repeatable.

use crate::host;

/// What the host gives in one call at most.
const BYTES_A_CALL: usize = 65_536;

/// This many unpredictable bytes.
pub fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let wanted = (len - bytes.len()).min(BYTES_A_CALL);
        let piece = host::random::bytes(wanted as u32);
        if piece.is_empty() {
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    bytes
}

/// An unpredictable number.
pub fn u64() -> u64 {
    bytes(8)
        .into_iter()
        .fold(0, |number, byte| (number << 8) | u64::from(byte))
}

/// A repeatable sequence (SplitMix64): the same seed gives the same numbers everywhere. Not for secrets.
#[derive(Debug, Clone)]
pub struct Seeded(u64);

impl Seeded {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of the items; `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let count = items.len().max(1) as u64;
        items.get((self.next_u64() % count) as usize)
    }
}
