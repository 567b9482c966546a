//! Where browsers may be sent back to: addresses of ours, and origins that the configuration names. Read as
//! browsers read them, so that no spelling of a foreign address passes for one of ours.

use inkstone_domain::{Error, FieldError, Result, codes};
use url::{Origin, Url};

const MOST_CHARS: usize = 1_000;

pub(super) struct Places {
    public: Url,
    others: Vec<Origin>,
}

impl Places {
    pub fn new(public_url: &str, others: &[String]) -> Result<Self> {
        let read = |text: &str| {
            Url::parse(text).map_err(|error| {
                Error::new(
                    &codes::INVALID_CONFIG,
                    format!("`{text}` is no address of a site: {error}"),
                )
            })
        };
        // Nobody is sent anywhere before there is an issuer.
        let public = match public_url {
            "" => "http://localhost",
            url => url,
        };
        let others = others.iter().map(|other| Ok(read(other)?.origin()));
        Ok(Self {
            public: read(public)?,
            others: others.collect::<Result<_>>()?,
        })
    }

    /// Whether browsers reach us over TLS.
    pub fn is_secure(&self) -> bool {
        self.public.scheme() == "https"
    }

    /// Where an issuer sends people back to.
    pub fn callback(&self, issuer: &str) -> String {
        let base = self.public.as_str().trim_end_matches('/');
        format!("{base}/v1/auth/oidc/{issuer}/callback")
    }

    /// The whole address, without what stands after `#`. `invalid_input` where it is not allowed.
    pub fn check(&self, wished: &str) -> Result<String> {
        let is_plain = wished.len() <= MOST_CHARS && !wished.contains(char::is_control);
        let place = is_plain.then(|| self.public.join(wished).ok()).flatten();
        let place = place.filter(|place| {
            let origin = place.origin();
            let is_known = origin == self.public.origin() || self.others.contains(&origin);
            let is_web = matches!(place.scheme(), "http" | "https");
            is_known && is_web && place.username().is_empty() && place.password().is_none()
        });
        let Some(mut place) = place else {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "`return_to` must be a path here, or lie at an origin of `[accounts] return_origins`",
            )
            .with_fields(vec![FieldError {
                pointer: "?return_to".to_owned(),
                detail: "is not allowed".to_owned(),
            }]));
        };
        place.set_fragment(None);
        Ok(place.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wished: &str, expected: Option<&str>) {
        let places = Places::new(
            "https://ink.example.org",
            &[
                "https://app.example.org".to_owned(),
                "http://localhost:5173".to_owned(),
            ],
        )
        .unwrap();
        let found = places.check(wished).ok();
        assert_eq!(found.as_deref(), expected, "{wished:?}");
    }

    #[test]
    fn nobody_is_sent_to_strangers() {
        check("/studio", Some("https://ink.example.org/studio"));
        check("/a?b=c#d", Some("https://ink.example.org/a?b=c"));
        check(
            "https://app.example.org/x",
            Some("https://app.example.org/x"),
        );
        check("http://localhost:5173/", Some("http://localhost:5173/"));
        for foreign in [
            "https://evil.example.org/",
            "//evil.example.org",
            "///evil.example.org",
            "/\\evil.example.org",
            "\\\\evil.example.org",
            "https:\\\\evil.example.org",
            "https:evil.example.org/../x@y",
            "https://ink.example.org@evil.example.org/",
            "https://user:pass@ink.example.org/",
            "https://ink.example.org.evil.example.org/",
            "https://ink.example.org:8443/",
            "http://ink.example.org/",
            "http://app.example.org/",
            "http://localhost:5174/",
            "javascript:alert(1)",
            "data:text/html,hi",
            "/\t/evil.example.org",
            "/a\r\nset-cookie: x=y",
            "inkstone://callback",
        ] {
            // Some are read as paths of ours, which do no harm; none leads elsewhere.
            let places = Places::new("https://ink.example.org", &[]).unwrap();
            match places.check(foreign) {
                Ok(place) => assert!(place.starts_with("https://ink.example.org/"), "{foreign:?}"),
                Err(error) => assert_eq!(error.code().name, "invalid_input"),
            }
        }
        check("//evil.example.org", None);
        check("/\\evil.example.org", None);
        check("/\t/evil.example.org", None);
        check(&format!("/{}", "a".repeat(1_000)), None);
    }
}
