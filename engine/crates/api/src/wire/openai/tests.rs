//! The conversion from and to OpenAI's shapes, without a server.

mod answers;
mod chat_request;
mod embeddings;

use inkstone_domain::Error;

/// The wrong fields, one per line.
fn fields(error: &Error) -> String {
    error
        .fields()
        .iter()
        .map(|field| format!("{}: {}\n", field.pointer, field.detail))
        .collect()
}
