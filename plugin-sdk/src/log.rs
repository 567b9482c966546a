//! Lines for the operator's log. Never log prompts, answers or anything that could hold a secret.

pub use crate::bindings::imports::inkstone::plugin::log::Level;
use crate::host;

/// Writes a line at this level.
pub fn write(level: Level, message: impl AsRef<str>) {
    host::log::write(level, message.as_ref());
}

/// For following every step.
pub fn trace(message: impl AsRef<str>) {
    write(Level::Trace, message);
}

/// For finding faults.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message);
}

/// For knowing what goes on.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message);
}

/// Somebody should look at this one day.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message);
}

/// Somebody should look at this now.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message);
}
