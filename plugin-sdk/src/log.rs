//! Lines for the operator's log. Never log prompts, answers or anything that could hold a secret. What changes from
//! line to line belongs into fields, by which operators can filter:
//!
//! ```
//! use inkstone_plugin::log;
//!
//! let (url, size_bytes) = ("https://example.org/", 1_250);
//! log::info_with("fetched", &[("url", &url), ("size_bytes", &size_bytes)]);
//! ```

use std::fmt::Display;

pub use crate::bindings::imports::inkstone::plugin::log::Level;
use crate::host;

/// A name, `[a-z0-9_.-]+`, and a value. Of one line the host takes at most 32.
pub type Field<'a> = (&'a str, &'a dyn Display);

/// Writes a line at this level.
pub fn write(level: Level, message: impl AsRef<str>) {
    write_with(level, message, &[]);
}

/// Writes a line with fields at this level.
pub fn write_with(level: Level, message: impl AsRef<str>, fields: &[Field<'_>]) {
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.to_string()))
        .collect();
    host::log::write(level, message.as_ref(), &fields);
}

/// For following every step.
pub fn trace(message: impl AsRef<str>) {
    write(Level::Trace, message);
}

/// [`trace`] with fields.
pub fn trace_with(message: impl AsRef<str>, fields: &[Field<'_>]) {
    write_with(Level::Trace, message, fields);
}

/// For finding faults.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message);
}

/// [`debug`] with fields.
pub fn debug_with(message: impl AsRef<str>, fields: &[Field<'_>]) {
    write_with(Level::Debug, message, fields);
}

/// For knowing what goes on.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message);
}

/// [`info`] with fields.
pub fn info_with(message: impl AsRef<str>, fields: &[Field<'_>]) {
    write_with(Level::Info, message, fields);
}

/// Somebody should look at this one day.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message);
}

/// [`warn`] with fields.
pub fn warn_with(message: impl AsRef<str>, fields: &[Field<'_>]) {
    write_with(Level::Warn, message, fields);
}

/// Somebody should look at this now.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message);
}

/// [`error`] with fields.
pub fn error_with(message: impl AsRef<str>, fields: &[Field<'_>]) {
    write_with(Level::Error, message, fields);
}
