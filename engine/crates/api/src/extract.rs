//! What handlers take from a request: the caller, a JSON body, ids of the path, query parameters,
//! preconditions. Every refusal is a domain error that names what is wrong.

mod body_limit;
mod broken_off;
mod call_context;
mod caller;
mod client;
mod file_body;
mod json_body;
mod package;
mod path;
mod precondition;
mod query;
mod scope;

pub(crate) use body_limit::max_body_bytes;
pub(crate) use call_context::{CallContext, IDEMPOTENCY_KEY, X_INKSTONE_CACHE, idempotency_key};
pub(crate) use caller::{Caller, ModelCaller};
pub(crate) use client::Client;
pub(crate) use file_body::{bytes_of, bytes_of_field, form_of, not_a_form, type_of};
pub(crate) use json_body::{JsonBody, body_too_large};
pub(crate) use package::PackageBody;
pub(crate) use path::{PathId, PathIds, PathRevision, PathSlug, PathWord, PathWordId, PathWords};
pub(crate) use precondition::{IfMatch, IfNoneMatch, revision_of};
pub(crate) use query::QueryOf;
pub(crate) use scope::check_also;

/// The JSON pointer of a place that `serde_path_to_error` found.
fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", escape(variant))),
            Segment::Unknown => {}
        }
    }
    pointer
}

/// Escapes a name for a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
