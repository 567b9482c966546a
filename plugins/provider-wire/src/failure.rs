//! From what a server says went wrong to the contract's typed errors. Messages go to end users, so nothing that
//! could carry a key is repeated.

use inkstone_plugin::http::Response;
use inkstone_plugin::{Error, ErrorKind, clock};

use crate::fault::{Code, ErrorReply, Fault};

/// How much of an error's body is read, in bytes.
const BODY_LIMIT_BYTES: usize = 64 * 1024;
/// How much of the server's own words is repeated, in characters.
const QUOTE_LIMIT_CHARS: usize = 500;

/// The error an answer with this status stands for. `credential` is the name of the one that was sent, or empty.
pub fn from_response(response: Response, credential: &str) -> Error {
    let status = response.status;
    let retry_after_ms = retry_after_ms(&response);
    let body = read_some(response);
    let fault = ErrorReply::read(&body);
    let kind = kind_of(Some(status), fault.as_ref());
    let mut error = Error::new(
        kind,
        message(status, kind, fault.as_ref(), &body, credential),
    )
    .with_upstream_status(status);
    let asked_ms = fault.as_ref().and_then(Fault::retry_after_ms);
    error.retry_after_ms = asked_ms.or(retry_after_ms);
    error.code = code_for_callers(kind, fault.as_ref());
    error
}

/// The error a stream broke off with. Its status was 200, so only the fault's own words tell what kind it is.
pub fn from_stream(fault: &Fault) -> Error {
    let status = fault.code.as_ref().and_then(Code::as_status);
    let kind = kind_of(status, Some(fault));
    let said = match kind {
        ErrorKind::Unauthorized => fault.label().unwrap_or_default(),
        _ => quote(&fault.message),
    };
    let mut error = Error::new(kind, with_words("the upstream broke off its answer", &said));
    error.code = code_for_callers(kind, Some(fault));
    error.retry_after_ms = fault.retry_after_ms();
    match status {
        Some(status) => error.with_upstream_status(status),
        None => error,
    }
}

/// The server's code, unless it speaks of the operator's key: the caller's own is in order.
fn code_for_callers(kind: ErrorKind, fault: Option<&Fault>) -> Option<String> {
    match kind {
        ErrorKind::Unauthorized => None,
        _ => fault.and_then(Fault::code_word),
    }
}

/// Codes say more than a status; a status says more than a type.
fn kind_of(status: Option<u16>, fault: Option<&Fault>) -> ErrorKind {
    let code = fault.and_then(|fault| fault.code.as_ref());
    let by_code = code.and_then(Code::as_name).and_then(kind_of_name);
    // Google answers a bad key with status 400.
    let by_reason = || fault.and_then(Fault::reason).and_then(kind_of_name);
    if let Some(kind) = by_code.or_else(by_reason) {
        return kind;
    }
    if let Some(status) = status {
        return kind_of_status(status);
    }
    fault
        .and_then(|fault| fault.kind.as_deref())
        .and_then(kind_of_name)
        .unwrap_or(ErrorKind::Upstream)
}

/// Codes, types and statuses that OpenAI and its look-alikes, Anthropic and Google document.
fn kind_of_name(name: &str) -> Option<ErrorKind> {
    let kind = match name {
        "invalid_api_key"
        | "authentication_error"
        | "permission_error"
        | "billing_error"
        | "UNAUTHENTICATED"
        | "API_KEY_INVALID"
        | "API_KEY_SERVICE_BLOCKED"
        | "SERVICE_DISABLED"
        | "BILLING_DISABLED"
        | "CONSUMER_SUSPENDED"
        | "PERMISSION_DENIED" => ErrorKind::Unauthorized,
        "model_not_found" | "not_found_error" | "NOT_FOUND" => ErrorKind::NotFound,
        "unsupported_parameter" | "unsupported_value" | "unsupported_model" => {
            ErrorKind::Unsupported
        }
        "context_length_exceeded"
        | "invalid_request_error"
        | "exceed_context_size_error"
        | "BadRequestError"
        | "content_policy_violation"
        | "request_too_large"
        | "INVALID_ARGUMENT"
        | "FAILED_PRECONDITION"
        | "OUT_OF_RANGE" => ErrorKind::InvalidInput,
        "rate_limit_exceeded"
        | "rate_limit_error"
        | "insufficient_quota"
        | "tokens"
        | "requests"
        | "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
        "overloaded_error" | "unavailable_error" | "service_unavailable" | "UNAVAILABLE" => {
            ErrorKind::Unavailable
        }
        "timeout" | "timeout_error" | "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        _ => return None,
    };
    Some(kind)
}

/// As the SDK has it, but for two: a refused key is the operator's matter, not a right the end user lacks, and so is
/// an account without balance.
fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        402 | 403 => ErrorKind::Unauthorized,
        405 | 501 => ErrorKind::Unsupported,
        _ => inkstone_plugin::http::kind_of_status(status),
    }
}

fn message(
    status: u16,
    kind: ErrorKind,
    fault: Option<&Fault>,
    body: &str,
    credential: &str,
) -> String {
    if kind == ErrorKind::Unauthorized {
        // The server's own words can repeat parts of the key.
        let label = fault.and_then(Fault::label).unwrap_or_default();
        let hint = if credential.is_empty() {
            "it wants a credential: name one in the setting `credential`".to_owned()
        } else {
            format!("check the credential `{credential}`, and that it is bound to this host")
        };
        let refused = format!("the upstream refused access ({status})");
        return format!("{}; {hint}", with_words(&refused, &label));
    }
    let said = match fault {
        Some(fault) => quote(&fault.message),
        None => quote_page(body),
    };
    with_words(&format!("the upstream answered {status}"), &said)
}

fn with_words(what: &str, said: &str) -> String {
    if said.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {said}")
    }
}

/// The server's words in one line, shortened.
fn quote(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    let mut short: String = chars.by_ref().take(QUOTE_LIMIT_CHARS).collect();
    if chars.next().is_some() {
        short.push('…');
    }
    short
}

/// A body without a fault in it. A proxy's HTML page helps nobody, and neither does an empty object.
fn quote_page(body: &str) -> String {
    if body.trim() == "{}" {
        return String::new();
    }
    if body.trim_start().starts_with('<') {
        return "an HTML page, so perhaps a proxy answered; check `base_url`".to_owned();
    }
    quote(body)
}

/// What can be read of the body; a connection that breaks here must not hide the status.
fn read_some(response: Response) -> String {
    let mut bytes = Vec::new();
    for piece in response.body {
        let Ok(piece) = piece else { break };
        bytes.extend_from_slice(&piece);
        if bytes.len() >= BODY_LIMIT_BYTES {
            bytes.truncate(BODY_LIMIT_BYTES);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// From `retry-after-ms`, or `retry-after` in seconds or as a date.
fn retry_after_ms(response: &Response) -> Option<u32> {
    let number = |name: &str| response.header(name)?.trim().parse::<f64>().ok();
    let milliseconds = number("retry-after-ms")
        .or_else(|| Some(number("retry-after")? * 1000.0))
        .or_else(|| until_date(response.header("retry-after")?.trim()))?;
    let fits = milliseconds.is_finite() && milliseconds >= 0.0;
    fits.then_some(milliseconds.min(f64::from(u32::MAX)) as u32)
}

/// Milliseconds from now to an HTTP date; 0 where it is past.
fn until_date(text: &str) -> Option<f64> {
    let date = httpdate::parse_http_date(text).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).ok()?;
    let now_ms = u128::from(clock::now_ms());
    Some(since_epoch.as_millis().saturating_sub(now_ms) as f64)
}
