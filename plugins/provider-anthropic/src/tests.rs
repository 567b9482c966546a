//! The plugin seen from outside: what goes out, and what is made of what comes in.

mod failures;
mod models;
mod replay;
mod requests;
mod stream_faults;
mod streams;
mod thoughts;
mod unsupported;
