//! Credentials by name: which plugin may use which, and which targets may see it. The value goes
//! into a header here and is read nowhere else.

use std::collections::HashMap;

use inkstone_domain::capability::{Effective, Permissions};
use inkstone_domain::{Error, Result, codes};
use reqwest::header::{HeaderName, HeaderValue};

use crate::config::CredentialBinding;
use crate::failure::Failure;
use crate::forms::within_basic;
use crate::policy::Target;
use crate::scrubber::{SHORTEST_BYTES, Scrubber};
use crate::secret::Secret;

/// All credentials, checked once at start.
pub(crate) struct Credentials {
    by_name: HashMap<String, Credential>,
}

pub(crate) struct Credential {
    name: String,
    pub header: HeaderName,
    pub value: HeaderValue,
    /// The secret, and what it stands for.
    scrubbed: Vec<Secret>,
    /// The hosts it is bound to, in the words of powers, so that one rule matches both.
    reach: Effective,
}

impl Credentials {
    pub fn new(bindings: Vec<CredentialBinding>) -> Result<Self> {
        let mut by_name = HashMap::new();
        for binding in bindings {
            let credential = Credential::checked(binding)?;
            if let Some(twice) = by_name.insert(credential.name.clone(), credential) {
                return Err(invalid(&twice.name, "is defined twice"));
            }
        }
        Ok(Self { by_name })
    }

    /// The credential, if the plugin holds it and the target is bound to it.
    pub fn for_target(
        &self,
        name: &str,
        plugin: &str,
        powers: &Effective,
        target: &Target,
        method: &str,
    ) -> Result<&Credential, Failure> {
        if !powers.permissions.credentials.contains(name) {
            return Err(Failure::CredentialNotGranted {
                plugin: plugin.to_owned(),
                name: name.to_owned(),
            });
        }
        let credential = self
            .by_name
            .get(name)
            .ok_or_else(|| Failure::UnknownCredential {
                name: name.to_owned(),
            })?;
        if !credential.reaches(target, method) {
            return Err(Failure::CredentialNotBound {
                name: name.to_owned(),
                address: target.address(),
            });
        }
        Ok(credential)
    }

    /// All values, for keeping them out of what leaves the engine.
    pub fn scrubber(&self) -> Result<Scrubber> {
        Scrubber::new(
            self.by_name
                .values()
                .flat_map(|credential| credential.scrubbed.iter().map(|s| (&*credential.name, s))),
        )
    }
}

impl Credential {
    /// Whether it is bound to the target.
    pub fn reaches(&self, target: &Target, method: &str) -> bool {
        let scheme = target.url.scheme();
        self.reach.allows(scheme, &target.host, target.port, method)
    }

    fn checked(binding: CredentialBinding) -> Result<Self> {
        let CredentialBinding {
            name,
            header,
            prefix,
            secret,
            hosts,
        } = binding;
        if secret.expose().is_empty() {
            return Err(invalid(&name, "is empty"));
        }
        if secret.expose().len() < SHORTEST_BYTES {
            let what = format!(
                "is shorter than {SHORTEST_BYTES} bytes, so it could not be told from ordinary text and kept out of logs and answers"
            );
            return Err(invalid(&name, &what));
        }
        let header = HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| invalid(&name, "has a `header` that is no header name"))?;
        let mut value = HeaderValue::from_str(&format!("{prefix}{}", secret.expose()))
            .map_err(|_| invalid(&name, "holds characters that no header may carry"))?;
        value.set_sensitive(true);
        let reach = Effective {
            permissions: Permissions {
                outbound_hosts: hosts,
                ..Permissions::default()
            },
        };
        let within = within_basic(secret.expose()).map(Secret::new);
        Ok(Self {
            name,
            header,
            value,
            scrubbed: within.into_iter().chain([secret]).collect(),
            reach,
        })
    }
}

fn invalid(name: &str, what: &str) -> Error {
    Error::new(
        &codes::INVALID_CONFIG,
        format!("the credential `{name}` {what}; see `credentials` in engine.toml"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(name: &str, secret: &str, hosts: &[&str]) -> CredentialBinding {
        CredentialBinding::bearer(
            name,
            Secret::new(secret),
            hosts.iter().map(|text| text.parse().expect(text)).collect(),
        )
    }

    fn holding(names: &[&str]) -> Effective {
        Effective {
            permissions: Permissions {
                credentials: names.iter().map(ToString::to_string).collect(),
                ..Permissions::default()
            },
        }
    }

    #[test]
    fn a_credential_needs_a_holder_and_a_bound_target() {
        let credentials = Credentials::new(vec![binding(
            "openai",
            "sk-12345678",
            &["https://api.openai.com"],
        )])
        .expect("valid");
        for (held, name, url, want) in [
            (
                &["openai"][..],
                "openai",
                "https://api.openai.com/v1",
                "attached",
            ),
            (
                &["openai"],
                "openai",
                "http://api.openai.com/v1",
                "not bound",
            ),
            (
                &["openai"],
                "openai",
                "https://api.openai.com:8443/",
                "not bound",
            ),
            (&["openai"], "openai", "https://evil.org/", "not bound"),
            (&[], "openai", "https://api.openai.com/v1", "not granted"),
            (
                &["other"],
                "openai",
                "https://api.openai.com/v1",
                "not granted",
            ),
            (&["other"], "other", "https://api.openai.com/v1", "unknown"),
        ] {
            let target = Target::parse(url).expect(url);
            let got = match credentials.for_target(name, "p", &holding(held), &target, "GET") {
                Ok(credential) => {
                    assert_eq!(credential.value, "Bearer sk-12345678");
                    assert!(credential.value.is_sensitive());
                    "attached"
                }
                Err(Failure::CredentialNotGranted { .. }) => "not granted",
                Err(Failure::UnknownCredential { .. }) => "unknown",
                Err(Failure::CredentialNotBound { .. }) => "not bound",
                Err(other) => panic!("{other}"),
            };
            assert_eq!(got, want, "{held:?} {name} {url}");
        }
    }

    #[test]
    fn bad_credentials_are_named_and_never_shown() {
        let with_header = CredentialBinding {
            header: "no header".to_owned(),
            ..binding("a", "sk-hidden", &[])
        };
        for bindings in [
            vec![binding("a", "", &[])],
            vec![binding("a", "sk-hid\nden", &[])],
            vec![binding("a", "hid4567", &[])],
            vec![binding("a", "hidden-1", &[]), binding("a", "hidden-2", &[])],
            vec![with_header],
        ] {
            let error = Credentials::new(bindings).err().expect("refused");
            assert_eq!(error.code().name, "invalid_config");
            assert!(error.message().contains("`a`"), "{error}");
            assert!(!error.message().contains("hid"), "{error}");
        }
    }
}
