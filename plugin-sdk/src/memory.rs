//! The allocator of guests. What a call usually needs is there from the start: a memory that grows has to be
//! made accessible and inaccessible again by the host's kernel, for every call anew, and interrupts the host's
//! other threads for it. Authors who bring an allocator of their own turn the feature `allocator` off.
#![allow(
    unsafe_code,
    reason = "an allocator hands out memory that nobody else knows of"
)]

use std::alloc::Layout;
use std::arch::wasm32::memory_grow;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use talc::base::Talc;
use talc::base::binning::Binning;
use talc::cell::TalcSyncCell;
use talc::source::Source;
use talc::wasm::WasmBinning;

/// Most calls stay below. Pages that are not touched cost nothing.
const FIRST_BYTES: usize = 768 << 10;
const PAGE_BYTES: usize = 64 << 10;
/// What the allocator itself takes of a heap.
const OVERHEAD_BYTES: usize = 4 << 10;

static mut FIRST: [MaybeUninit<u8>; FIRST_BYTES] = [MaybeUninit::uninit(); FIRST_BYTES];

#[global_allocator]
static ALLOCATOR: TalcSyncCell<Memory, WasmBinning> = TalcSyncCell::new_wasm(Memory {
    is_begun: false,
    end: None,
});

/// First what is there, then what the host gives.
#[derive(Debug)]
struct Memory {
    is_begun: bool,
    /// Of what was given last.
    end: Option<NonNull<u8>>,
}

// SAFETY: nothing here allocates.
unsafe impl Source for Memory {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        if !std::mem::replace(&mut talc.source.is_begun, true) {
            // SAFETY: `FIRST` is the allocator's alone, and is claimed once.
            let claimed = unsafe { talc.claim((&raw mut FIRST).cast(), FIRST_BYTES) };
            return claimed.map(|_end| ()).ok_or(());
        }
        let needed = layout
            .size()
            .saturating_add(layout.align() + OVERHEAD_BYTES);
        let pages = needed.div_ceil(PAGE_BYTES);
        let before = memory_grow::<0>(pages);
        if before == usize::MAX {
            return Err(());
        }
        let base = (before * PAGE_BYTES) as *mut u8;
        let given = pages * PAGE_BYTES;
        // SAFETY: the host gave exactly this, and nobody else grows the memory. An end of before is the
        // end of a heap that was claimed here.
        talc.source.end = unsafe {
            match talc.source.end.take() {
                Some(end) if end.as_ptr() == base => Some(talc.extend(end, base.add(given))),
                _ => talc.claim(base, given),
            }
        };
        Ok(())
    }
}
