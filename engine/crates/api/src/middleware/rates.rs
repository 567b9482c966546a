//! `x-ratelimit-*`: what is left of the rates that hold for the caller, as OpenAI's clients know it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use inkstone_domain::allowance::{RateInfo, RateLeft};

const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
const TOKENS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];

/// Sets the headers of the rates that are known.
pub(crate) fn set_rates(headers: &mut HeaderMap, rate: &RateInfo) {
    for (names, left) in [(&REQUESTS, &rate.requests), (&TOKENS, &rate.tokens)] {
        if let Some(left) = left {
            set(headers, names, left);
        }
    }
}

/// The reset in seconds with an `s` behind, as OpenAI writes it.
fn set(headers: &mut HeaderMap, names: &[HeaderName; 3], left: &RateLeft) {
    let [limit, remaining, reset] = names;
    headers.insert(limit.clone(), HeaderValue::from(left.limit));
    headers.insert(remaining.clone(), HeaderValue::from(left.remaining));
    let seconds = format!("{:.3}s", left.reset.as_secs_f64());
    if let Ok(value) = HeaderValue::try_from(seconds) {
        headers.insert(reset.clone(), value);
    }
}
