//! Errors across the border. A domain error that a guest got from an import and hands on comes out
//! as it went in, with its own code: `egress_denied` stays `egress_denied`.

use std::time::Duration;

use inkstone_bindings::latest::imports::types;
use inkstone_domain::codes::{self, Code};
use inkstone_domain::{Error, ErrorKind, FieldError};

/// Longest code of an upstream.
const MAX_CODE_BYTES: usize = 64;

/// What a guest sees of one of our errors.
pub(crate) fn to_guest(error: &Error) -> types::Error {
    let retry_after_ms = error
        .retry_after()
        .map(|after| u32::try_from(after.as_millis()).unwrap_or(u32::MAX));
    types::Error {
        kind: kind_to_guest(error),
        message: error.message().to_owned(),
        retry_after_ms,
        upstream_status: None,
        code: error.upstream_code().map(str::to_owned),
    }
}

fn kind_to_guest(error: &Error) -> types::ErrorKind {
    use types::ErrorKind as Guest;
    if error.code() == &codes::UNSUPPORTED {
        return Guest::Unsupported;
    }
    if error.code() == &codes::UPSTREAM_UNAUTHORIZED {
        return Guest::Unauthorized;
    }
    match error.kind() {
        ErrorKind::InvalidInput | ErrorKind::TooLarge => Guest::InvalidInput,
        ErrorKind::Unauthenticated => Guest::Unauthorized,
        ErrorKind::Forbidden => Guest::Forbidden,
        ErrorKind::NotFound => Guest::NotFound,
        ErrorKind::Conflict | ErrorKind::PreconditionFailed => Guest::Conflict,
        ErrorKind::RateLimited => Guest::RateLimited,
        ErrorKind::Cancelled => Guest::Cancelled,
        ErrorKind::Internal => Guest::Internal,
        ErrorKind::Upstream => Guest::Upstream,
        ErrorKind::Unavailable => Guest::Unavailable,
        ErrorKind::Timeout => Guest::Timeout,
    }
}

/// What a guest's error is to us. `passing` is the last error an import gave it; `plugin` is id and version.
pub(crate) fn from_guest(error: types::Error, passing: Option<Error>, plugin: &str) -> Error {
    if let Some(original) = passing
        && kind_to_guest(&original) == error.kind
    {
        if original.message() == error.message {
            return original;
        }
        // The guest put its own words before ours: they stay, and so does the code.
        if !original.message().is_empty() && error.message.ends_with(original.message()) {
            return Error::new(original.code(), error.message)
                .with_fields(original.fields().to_vec())
                .with_retry_after(original.retry_after())
                .with_upstream_code(original.upstream_code().map(str::to_owned))
                .with_source(original);
        }
    }
    let retry_after = error
        .retry_after_ms
        .map(|ms| Duration::from_millis(u64::from(ms)));
    let message = match error.kind {
        types::ErrorKind::Internal => format!("plugin {plugin}: {}", error.message),
        _ => error.message,
    };
    let fields = match error.kind {
        types::ErrorKind::Unsupported => field_of(&message).into_iter().collect(),
        _ => Vec::new(),
    };
    let code = match error.code.as_deref() {
        // OpenAI's word, and that of all who speak its language.
        Some("context_length_exceeded") => &codes::CONTEXT_TOO_LONG,
        _ => code_of(error.kind),
    };
    let ours = Error::new(code, message)
        .with_fields(fields)
        .with_retry_after(retry_after)
        .with_upstream_code(error.code.filter(|code| is_code(code)));
    match error.upstream_status {
        Some(status) => ours.with_source(format!("plugin {plugin}: upstream status {status}")),
        None => ours,
    }
}

/// The field that an `unsupported` error names: its message begins with it, as in `` `top_k`: … ``.
fn field_of(message: &str) -> Option<FieldError> {
    let (name, detail) = message.strip_prefix('`')?.split_once("`: ")?;
    let is_path = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    (is_path && !name.is_empty()).then(|| FieldError {
        pointer: format!("/{}", name.replace('.', "/")),
        detail: detail.to_owned(),
    })
}

/// A plugin's text that goes out as a code: a short word, or it is none.
fn is_code(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    (1..=MAX_CODE_BYTES).contains(&text.len()) && text.bytes().all(is_plain)
}

fn code_of(kind: types::ErrorKind) -> &'static Code {
    use types::ErrorKind as Guest;
    match kind {
        Guest::InvalidInput => &codes::INVALID_INPUT,
        Guest::Unauthorized => &codes::UPSTREAM_UNAUTHORIZED,
        Guest::Forbidden => &codes::FORBIDDEN,
        Guest::NotFound => &codes::NOT_FOUND,
        Guest::Conflict => &codes::CONFLICT,
        Guest::RateLimited => &codes::UPSTREAM_RATE_LIMITED,
        Guest::Timeout => &codes::UPSTREAM_TIMEOUT,
        Guest::Upstream => &codes::UPSTREAM_ERROR,
        Guest::Unavailable => &codes::UPSTREAM_UNREACHABLE,
        Guest::Cancelled => &codes::CANCELLED,
        Guest::Unsupported => &codes::UNSUPPORTED,
        Guest::Internal => &codes::PLUGIN_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_error_that_passes_through_keeps_its_code() {
        let original = Error::new(&codes::EGRESS_DENIED, "no way to a.org");
        let guest = to_guest(&original);
        let back = from_guest(guest, Some(original), "p 1");
        assert_eq!(back.code().name, "egress_denied");
        assert_eq!(back.message(), "no way to a.org");
    }

    #[test]
    fn words_put_before_it_are_kept_with_the_code() {
        let original = Error::new(&codes::UNKNOWN_MODEL, "there is no model `x`");
        let mut guest = to_guest(&original);
        guest.message = format!("outline: {}", guest.message);
        let back = from_guest(guest, Some(original), "p 1");
        assert_eq!(back.code().name, "unknown_model");
        assert_eq!(back.message(), "outline: there is no model `x`");
    }

    #[test]
    fn another_error_is_not_mistaken_for_the_last_one() {
        let original = Error::new(&codes::EGRESS_DENIED, "no way to a.org");
        let mut guest = to_guest(&original);
        guest.message = "the page has no title".to_owned();
        guest.kind = types::ErrorKind::NotFound;
        let back = from_guest(guest, Some(original), "p 1");
        assert_eq!(back.code().name, "not_found");
    }

    #[test]
    fn an_unsupported_error_names_its_field() {
        let field = |message: &str| {
            let guest = types::Error {
                kind: types::ErrorKind::Unsupported,
                message: message.to_owned(),
                retry_after_ms: None,
                upstream_status: None,
                code: None,
            };
            let error = from_guest(guest, None, "p 1");
            error.fields().first().map(|field| field.pointer.clone())
        };
        let pointer = |text: &str| Some(text.to_owned());
        assert_eq!(field("`top_k`: not here"), pointer("/top_k"));
        assert_eq!(
            field("`response_format.json_schema`: not here"),
            pointer("/response_format/json_schema")
        );
        assert_eq!(field("no embeddings here"), None);
        assert_eq!(field("`a b`: not here"), None);
    }

    #[test]
    fn what_is_no_word_is_no_code() {
        for (code, is_kept) in [
            ("insufficient_quota", true),
            ("x-1.2:3", true),
            ("", false),
            ("two words", false),
            ("<b>", false),
            (&"x".repeat(65), false),
        ] {
            let guest = types::Error {
                kind: types::ErrorKind::RateLimited,
                message: String::new(),
                retry_after_ms: None,
                upstream_status: None,
                code: Some(code.to_owned()),
            };
            let error = from_guest(guest, None, "p 1");
            assert_eq!(error.upstream_code(), is_kept.then_some(code));
        }
    }

    #[test]
    fn every_kind_has_its_code_and_internal_names_the_plugin() {
        let guest = |kind| types::Error {
            kind,
            message: "m".to_owned(),
            retry_after_ms: Some(1500),
            upstream_status: Some(429),
            code: Some("insufficient_quota".to_owned()),
        };
        let limited = from_guest(guest(types::ErrorKind::RateLimited), None, "p 1");
        assert_eq!(limited.code().name, "upstream_rate_limited");
        assert_eq!(limited.retry_after(), Some(Duration::from_millis(1500)));
        assert_eq!(limited.upstream_code(), Some("insufficient_quota"));
        let internal = from_guest(guest(types::ErrorKind::Internal), None, "p 1");
        assert_eq!(internal.code().name, "plugin_failed");
        assert_eq!(internal.message(), "plugin p 1: m");
        let unauthorized = from_guest(guest(types::ErrorKind::Unauthorized), None, "p 1");
        assert_eq!(unauthorized.code().name, "upstream_unauthorized");
        assert_eq!(to_guest(&unauthorized).kind, types::ErrorKind::Unauthorized);
    }
}
