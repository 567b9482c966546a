//! Reads this guest's whole linear memory and hands it out in pieces, after it has taken in all that
//! an upstream answered. What is looked for stands nowhere here: the test looks.

use std::cell::Cell;

use crate::bindings::inkstone::plugin::http;
use crate::bindings::inkstone::plugin::types::Error;

const PAGE_BYTES: usize = 65_536;

/// A dump under way.
pub struct Dump {
    next_page: Cell<usize>,
    /// Everything the upstream said: it stays in memory, to be found by the dump.
    _kept: Vec<Vec<u8>>,
    _head: Vec<(String, String)>,
}

impl Dump {
    /// Reads the answer to its end and keeps all of it.
    pub fn after(response: http::Response) -> Result<Self, Error> {
        let mut kept = Vec::new();
        while let Some(piece) = response.body.read()? {
            kept.push(piece);
        }
        Ok(Self {
            next_page: Cell::new(0),
            _kept: kept,
            _head: response.headers,
        })
    }

    /// The next page, each byte as the character with its number.
    pub fn next(&self) -> Option<String> {
        let page = self.next_page.get();
        if page >= pages() {
            return None;
        }
        self.next_page.set(page + 1);
        let first = page * PAGE_BYTES;
        Some(
            (first..first + PAGE_BYTES)
                .map(|at| char::from(byte(at)))
                .collect(),
        )
    }
}

#[cfg(target_arch = "wasm32")]
fn pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

/// There is no linear memory to read on other machines.
#[cfg(not(target_arch = "wasm32"))]
fn pages() -> usize {
    0
}

fn byte(at: usize) -> u8 {
    // SAFETY: every address below the memory's size can be read, and a byte has no wrong value.
    // Address 0, where Rust sees none, is left out.
    if at == 0 {
        return 0;
    }
    unsafe { core::ptr::read_volatile(at as *const u8) }
}
