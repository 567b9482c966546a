//! What a component needs around its exports: the stamp of the contract's version, a panic hook that tells the
//! host's log what happened, and randomness for the `getrandom` crate. Called by the export macros, not by authors.

/// The stamp the host reads before it compiles the component.
#[cfg(target_arch = "wasm32")]
#[used]
#[allow(
    unsafe_code,
    reason = "a custom section can only be written by its name"
)]
#[unsafe(link_section = "inkstone:api-version")]
pub static API_VERSION_STAMP: [u8; 5] = *b"0.2.0";

/// Called at the start of every export: a panic is logged with its place before the instance traps.
pub fn enter() {
    #[cfg(target_arch = "wasm32")]
    {
        static HOOK: std::sync::Once = std::sync::Once::new();
        HOOK.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                crate::log::error(info.to_string());
            }));
        });
    }
}

#[cfg(all(target_arch = "wasm32", feature = "getrandom"))]
#[allow(
    unsafe_code,
    reason = "the getrandom crate calls its backend by this symbol"
)]
mod getrandom_backend {
    /// SAFETY: the getrandom crate promises that `dest` points to `len` writable bytes.
    #[unsafe(no_mangle)]
    unsafe extern "Rust" fn __getrandom_v03_custom(
        dest: *mut u8,
        len: usize,
    ) -> Result<(), getrandom::Error> {
        let bytes = crate::random::bytes(len);
        // SAFETY: `bytes` holds `len` bytes and cannot overlap with the caller's buffer.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), dest, len) };
        Ok(())
    }
}
