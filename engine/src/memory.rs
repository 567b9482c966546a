//! How the C library's allocator keeps memory. By its own rules it has eight arenas for a core, and what
//! was free in one is not used by another: twice as much memory under load, and no faster.

/// For the start of the process, before there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub(crate) fn hold_little() {
    const OPTIONS: [(libc::c_int, libc::c_int); 3] = [
        (libc::M_ARENA_MAX, 2),
        // Large pieces are given back to the system when they are free.
        (libc::M_MMAP_THRESHOLD, 256 << 10),
        (libc::M_TRIM_THRESHOLD, 16 << 20),
    ];
    for (option, value) in OPTIONS {
        // SAFETY: no other thread runs yet, and these options only say how much is held.
        unsafe { libc::mallopt(option, value) };
    }
}

/// Others decide for themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn hold_little() {}
