//! How much memory this process has to itself, by the kernel's own count.

/// Anonymous and shared memory in KiB, after the allocator gave back what it can.
pub fn kib() -> i64 {
    trim();
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let of = |name: &str| -> i64 {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    of("RssAnon:") + of("RssShmem:")
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: takes no pointer and may be called at any time.
    #[allow(unsafe_code, reason = "there is no safe way to ask for this")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
fn trim() {}
