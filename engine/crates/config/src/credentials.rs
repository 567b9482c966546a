//! `[credentials.NAME]`: which secret is sent in which header, and to whom. For the command line there
//! is an outline as well, which says where each secret comes from without reading any.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inkstone_domain::capability::OutboundHost;

use crate::engine::EngineConfig;
use crate::layers;
use crate::problem::{ConfigError, Place, Problems};
use crate::secret::{Secret, SecretForms, SecretSource};
use crate::section::Section;
use crate::tree;
use crate::vault::Vault;

/// `[credentials.NAME]`
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialConfig {
    /// The header that carries it.
    pub header: String,
    /// Stands before the secret in the header, such as `Bearer `.
    pub prefix: String,
    pub secret: Secret,
    /// The only addresses that it is ever sent to.
    pub hosts: Vec<OutboundHost>,
}

/// What the configuration says about credentials, whether or not their secrets are there.
#[derive(Debug)]
pub struct CredentialsOutline {
    /// Where the encrypted store lies.
    pub data_dir: PathBuf,
    /// In the order of their names.
    pub credentials: Vec<CredentialOutline>,
}

/// One credential without its secret.
#[derive(Debug)]
pub struct CredentialOutline {
    pub name: String,
    pub header: String,
    pub hosts: Vec<OutboundHost>,
    pub source: SecretSource,
    /// Why the secret cannot be had, if it cannot.
    pub fault: Option<String>,
}

impl CredentialsOutline {
    /// Reads only `data_dir` and the credentials of `path` and the environment; faults elsewhere, and
    /// secrets that are missing, are none here.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        let problems = Problems::default();
        let mut tree = tree::parse(&text, &path.display().to_string(), &problems);
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        layers::environment(&mut tree, variables, &problems);
        let mut top = Section::top(tree, &problems);
        let mut data_dir = EngineConfig::default().data_dir;
        top.path_value("data_dir", &mut data_dir);
        let vault = Vault::new(&data_dir);
        let credentials = declared(&mut top).into_iter().map(|declared| {
            let fault = declared.source.resolve(&vault, &declared.name).err();
            CredentialOutline {
                name: declared.name,
                header: declared.header,
                hosts: declared.hosts,
                source: declared.source,
                fault,
            }
        });
        let outline = Self {
            credentials: credentials.collect(),
            data_dir,
        };
        problems.finish(outline)
    }
}

/// Reads all credentials with their secrets.
pub(crate) fn read(
    top: &mut Section<'_>,
    data_dir: &Path,
    all: &mut BTreeMap<String, CredentialConfig>,
) {
    let vault = Vault::new(data_dir);
    for declared in declared(top) {
        match declared.source.resolve(&vault, &declared.name) {
            Ok(secret) => {
                let credential = CredentialConfig {
                    header: declared.header,
                    prefix: declared.prefix,
                    secret,
                    hosts: declared.hosts,
                };
                all.insert(declared.name, credential);
            }
            Err(why) => top.fault(&declared.place, why),
        }
    }
}

/// A credential as it is written.
struct Declared {
    name: String,
    header: String,
    prefix: String,
    hosts: Vec<OutboundHost>,
    source: SecretSource,
    /// Of the source.
    place: Place,
}

fn declared(top: &mut Section<'_>) -> Vec<Declared> {
    let sections = top.named_sections("credentials").into_iter();
    let declared = sections.filter_map(|(name, mut section)| {
        let mut header = "authorization".to_owned();
        let mut prefix = "Bearer ".to_owned();
        let mut hosts = Vec::new();
        section.parsed("header", &mut header, header_name);
        section.text("prefix", &mut prefix);
        let place = section.place().clone();
        if !section.has("secret") {
            section.fault(
                &place,
                format!("`secret` is missing in [credentials.{name}]; write secret = {{ env = \"NAME\" }}"),
            );
        }
        let source = section.secret_source("secret", SecretForms::ReferencesOrStored);
        section.list("hosts", &mut hosts);
        if hosts.is_empty() {
            section.fault(
                &place,
                format!("`hosts` in [credentials.{name}] names no address, so it could never be used; write hosts = [\"https://api.example.org:443\"]"),
            );
        }
        section.finish();
        let (source, place) = source?;
        Some(Declared {
            name,
            header,
            prefix,
            hosts,
            source,
            place,
        })
    });
    declared.collect()
}

fn header_name(text: &str) -> Result<String, String> {
    let is_header = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if is_header {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "`{text}` is no name of a header, such as x-api-key"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_secret_is_used_and_a_missing_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let file = folder.path().join("engine.toml");
        let text = format!(
            "data_dir = {data_dir:?}\n[credentials.openai]\nsecret = {{ stored = true }}\nhosts = [\"GET,POST https://api.openai.com\"]\n"
        );
        std::fs::write(&file, &text).unwrap();
        let parse = || EngineConfig::parse(&text, "engine.toml", std::iter::empty(), &[]);

        let missing = parse().unwrap_err().to_string();
        assert!(
            missing.contains("engine.toml:3:10: the credential `openai` is not stored"),
            "{missing}"
        );
        let outline = CredentialsOutline::load(&file).unwrap();
        assert_eq!(outline.data_dir, data_dir);
        assert_eq!(outline.credentials[0].source, SecretSource::Stored);
        assert!(outline.credentials[0].fault.is_some());

        let secret = Secret::new("sk-0123456789");
        Vault::with_key(&data_dir, None)
            .set("openai", &secret)
            .unwrap();
        assert_eq!(parse().unwrap().credentials["openai"].secret, secret);
        let outline = CredentialsOutline::load(&file).unwrap();
        assert_eq!(outline.credentials[0].fault, None);
        assert!(!format!("{outline:?}").contains("0123456789"));
    }

    #[test]
    fn a_secret_has_one_source() {
        for (secret, part) in [
            ("{ stored = true, env = \"A\" }", "one of the three"),
            ("{ stored = false }", "one of the three"),
            ("{}", "{ stored = true }"),
            ("\"sk-inline\"", "{ stored = true }"),
        ] {
            let text = format!("[credentials.a]\nsecret = {secret}\nhosts = [\"https://a.org\"]\n");
            let error = EngineConfig::parse(&text, "engine.toml", std::iter::empty(), &[]);
            let error = error.unwrap_err().to_string();
            assert!(error.contains(part), "{secret}: {error}");
            assert!(!error.contains("sk-inline"), "{error}");
        }
        let text = "[auth]\nadmin_password = { stored = true }\n";
        let error = EngineConfig::parse(text, "engine.toml", std::iter::empty(), &[]);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("unknown key `stored`")
        );
    }
}
