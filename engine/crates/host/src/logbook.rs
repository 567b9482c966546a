//! What one call of a guest writes into the operator's log: capped in lines and bytes, and the last
//! error kept, because the SDK writes a panic's message there before the instance traps.

mod fields;

use std::sync::{Arc, Mutex, PoisonError};

/// Longest single line, in bytes.
const MAX_LINE_BYTES: usize = 8 << 10;
/// Longest error text that is quoted to a caller, in bytes.
const MAX_QUOTED_BYTES: usize = 500;

/// What one call may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogCaps {
    pub lines: u32,
    pub bytes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The log of one call. Shared with the guest's standard output where it has one.
pub(crate) struct LogBook {
    plugin: Arc<str>,
    pages: Mutex<Pages>,
}

struct Pages {
    lines_left: u32,
    bytes_left: u32,
    dropped: u64,
    last_error: Option<String>,
}

impl LogBook {
    pub fn new(plugin: Arc<str>, caps: LogCaps) -> Self {
        Self {
            plugin,
            pages: Mutex::new(Pages {
                lines_left: caps.lines,
                bytes_left: caps.bytes,
                dropped: 0,
                last_error: None,
            }),
        }
    }

    /// One line; its fields count against the cap as its message does.
    pub fn write(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let message = shorten(message, MAX_LINE_BYTES);
        let fields = fields::as_json(fields);
        let fields = fields.as_deref();
        {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            // A runtime's hint after its error says nothing about the error.
            if level == Level::Error && !message.starts_with("note: ") {
                pages.last_error = Some(shorten(message, MAX_QUOTED_BYTES).to_owned());
            }
            let bytes = message.len() + fields.map_or(0, str::len);
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            if pages.lines_left == 0 || pages.bytes_left < bytes {
                pages.dropped += 1;
                return;
            }
            pages.lines_left -= 1;
            pages.bytes_left -= bytes;
        }
        let plugin = &*self.plugin;
        match level {
            Level::Trace => tracing::trace!(target: "plugin", plugin, fields, "{message}"),
            Level::Debug => tracing::debug!(target: "plugin", plugin, fields, "{message}"),
            Level::Info => tracing::info!(target: "plugin", plugin, fields, "{message}"),
            Level::Warn => tracing::warn!(target: "plugin", plugin, fields, "{message}"),
            Level::Error => tracing::error!(target: "plugin", plugin, fields, "{message}"),
        }
    }

    /// The last line of level error, for the message about a trap.
    pub fn last_error(&self) -> Option<String> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.last_error.clone()
    }

    #[cfg(test)]
    fn dropped(&self) -> u64 {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.dropped
    }
}

impl Drop for LogBook {
    fn drop(&mut self) {
        let pages = self.pages.get_mut().unwrap_or_else(PoisonError::into_inner);
        if pages.dropped > 0 {
            tracing::warn!(
                target: "plugin",
                plugin = &*self.plugin,
                dropped = pages.dropped,
                "the plugin wrote more log lines than a call may; the rest was dropped"
            );
        }
    }
}

/// Cuts at a character's border.
pub(crate) fn shorten(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_cap_lines_are_counted_and_the_last_error_is_kept() {
        let book = LogBook::new(
            "p".into(),
            LogCaps {
                lines: 2,
                bytes: 10,
            },
        );
        book.write(Level::Info, "four", &[]);
        book.write(Level::Info, "more than is left", &[]);
        let field = ("name".to_owned(), "value".to_owned());
        book.write(Level::Info, "f", &[field]);
        book.write(Level::Info, "five5", &[]);
        book.write(Level::Error, "boom", &[]);
        assert_eq!(book.dropped(), 3);
        assert_eq!(book.last_error().as_deref(), Some("boom"));
    }

    #[test]
    fn a_cut_leaves_whole_characters() {
        assert_eq!(shorten("aé", 2), "a");
        assert_eq!(shorten("aé", 3), "aé");
    }
}
