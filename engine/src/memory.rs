//! The memory of the process: its allocator, and the pages of its own file.
//!
//! A call is begun on one worker thread and ended on another, and what the C library's allocator frees for another
//! thread it frees under a lock: at 16 connections a fifth of the computing time of a call. jemalloc does not.
#![allow(
    unsafe_code,
    reason = "jemalloc reads its options from a symbol; pages are handed back by their addresses"
)]

#[cfg(not(target_env = "msvc"))]
mod allocator {
    use std::ffi::c_char;

    use tikv_jemallocator::Jemalloc;

    #[global_allocator]
    static ALLOCATOR: Jemalloc = Jemalloc;

    /// A text that ends with a zero byte.
    #[repr(transparent)]
    pub struct Options(*const c_char);

    // SAFETY: it points to a constant.
    unsafe impl Sync for Options {}

    /// Two arenas, for as many busy threads as a small machine has. What is free for a second goes back to the
    /// system, by a thread of jemalloc's and not by one that has a call to make.
    // SAFETY: the name is jemalloc's own for exactly this.
    #[unsafe(export_name = "_rjem_malloc_conf")]
    pub static OPTIONS: Options =
        Options(c"narenas:2,dirty_decay_ms:1000,muzzy_decay_ms:0,background_thread:true".as_ptr());
}

/// Lets go of the pages of the program that the start has read: most of them are read never again, and those that
/// are come back from the system's cache of files. For the end of the start.
#[cfg(target_os = "linux")]
pub(crate) fn forget_start() {
    let (Ok(maps), Ok(program)) = (
        std::fs::read_to_string("/proc/self/maps"),
        std::env::current_exe(),
    ) else {
        return;
    };
    let of_program = maps
        .lines()
        .filter(|line| line.ends_with(&*program.to_string_lossy()));
    for (start, end) in of_program.filter_map(never_written) {
        // SAFETY: the range is a mapping of this program's own file that nobody can have written to, so the
        // file has all that is in it.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTNEED) };
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn forget_start() {}

/// The range of a line of `/proc/self/maps`, where it is code, or the constants at the start of the file. Others
/// that are only read now were written to by the loader.
#[cfg(target_os = "linux")]
fn never_written(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (range, rights, offset) = (fields.next()?, fields.next()?, fields.next()?);
    let is_code = rights == "r-xp";
    let is_head = rights == "r--p" && offset.bytes().all(|digit| digit == b'0');
    if !is_code && !is_head {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some((address(start)?, address(end)?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_loader_cannot_have_written_is_let_go() {
        for (line, range) in [
            (
                "5500-5600 r--p 00000000 fe:00 12 /bin/inkstone",
                Some((0x5500, 0x5600)),
            ),
            (
                "5600-7700 r-xp 00100000 fe:00 12 /bin/inkstone",
                Some((0x5600, 0x7700)),
            ),
            ("7700-7800 r--p 02200000 fe:00 12 /bin/inkstone", None),
            ("7800-7900 rw-p 02300000 fe:00 12 /bin/inkstone", None),
            ("7900", None),
        ] {
            assert_eq!(never_written(line), range, "{line}");
        }
    }

    #[test]
    fn the_program_goes_on() {
        forget_start();
        assert_eq!(format!("{:?}", vec![1, 2]), "[1, 2]");
    }
}
