//! Asking a web site for one thing: the address is checked, the status becomes a typed error, the body is bounded.
//! Errors of the host itself (an address that is not granted, no connection) pass unchanged.

use inkstone_plugin::http::{self, Response};
use inkstone_plugin::{Error, ErrorKind, Result, clock};
use url::Url;

use crate::settings::Settings;
use crate::{charset, dates};

/// As much as is read of any answer, in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// What a web site answered.
pub struct Download {
    /// The address that answered, after redirects.
    pub url: String,
    /// Lower case, without parameters; empty where the site did not say.
    pub media_type: String,
    pub body: Vec<u8>,
    charset: Option<String>,
}

impl Download {
    /// The body as text.
    pub fn text(&self) -> String {
        charset::decode(&self.body, self.charset.as_deref())
    }
}

/// Reads an address. `check` sees the media type before anything is read of the body.
pub fn download(
    address: &str,
    accept: &str,
    check: impl FnOnce(&str) -> Result<()>,
) -> Result<Download> {
    check_address(address)?;
    let settings = Settings::load()?;
    let mut request = http::get(address).header("accept", accept);
    for (name, value) in [
        ("user-agent", settings.user_agent),
        ("accept-language", settings.accept_language),
    ] {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let response = check_status(request.send()?)?;
    let (media_type, charset) = content_type(response.header("content-type").unwrap_or_default());
    check(&media_type)?;
    Ok(Download {
        url: response.url.clone(),
        media_type,
        charset,
        body: response.bytes(MAX_BODY_BYTES)?,
    })
}

/// Only `http` and `https`, and no password in the address, where it would end in logs and sources.
fn check_address(address: &str) -> Result<()> {
    let url = Url::parse(address).map_err(|error| {
        Error::invalid_input(format!(
            "`url` is no address ({error}); give it whole, such as https://example.org/page"
        ))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::invalid_input(format!(
            "`url` must begin with http:// or https://, not {}:",
            url.scheme()
        )));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::invalid_input(
            "`url` must not carry a user name or a password",
        ));
    }
    Ok(())
}

/// The SDK knows kinds and waiting times; its words are for APIs, and a page of HTML is no message.
fn check_status(response: Response) -> Result<Response> {
    let status = response.status;
    let wait_until = response.header("retry-after").and_then(dates::parse);
    response.error_for_status().map_err(|mut error| {
        error.message = words_for_status(status, error.kind);
        if let (None, Some(moment)) = (error.retry_after_ms, wait_until) {
            let now = i64::try_from(clock::now_ms()).unwrap_or(i64::MAX);
            let wait = moment.timestamp_millis().saturating_sub(now);
            error.retry_after_ms = u32::try_from(wait).ok();
        }
        error
    })
}

fn words_for_status(status: u16, kind: ErrorKind) -> String {
    let meaning = match kind {
        ErrorKind::NotFound => "there is nothing at this address",
        ErrorKind::Unauthorized => "it wants a login, which this tool has not",
        ErrorKind::Forbidden => "it does not let this tool read the page",
        ErrorKind::RateLimited => "it was asked too often; try later",
        ErrorKind::Unavailable | ErrorKind::Timeout => "it is out of service; try later",
        ErrorKind::InvalidInput => "it does not understand this address",
        _ => "it could not serve the page",
    };
    format!("the web site answered {status}: {meaning}")
}

/// Media type and charset.
fn content_type(header: &str) -> (String, Option<String>) {
    let mut parts = header.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    });
    (media_type, charset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_taken_apart() {
        let of = |header| {
            let (media_type, charset) = content_type(header);
            (media_type, charset.unwrap_or_default())
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            of("Text/HTML; Charset=\"UTF-8\""),
            pair("text/html", "UTF-8")
        );
        assert_eq!(
            of("text/plain;format=flowed; charset=koi8-r"),
            pair("text/plain", "koi8-r")
        );
        assert_eq!(of(""), pair("", ""));
    }

    #[test]
    fn only_plain_web_addresses_pass() {
        assert!(check_address("https://a.example/x?y#z").is_ok());
        for bad in [
            "a.example",
            "ftp://a.example",
            "file:///etc/passwd",
            "http://",
            "https://u:p@a.example",
        ] {
            let error = check_address(bad).unwrap_err();
            assert_eq!(error.kind, ErrorKind::InvalidInput, "{bad}");
        }
    }
}
