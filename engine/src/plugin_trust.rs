//! Whom this deployment trusts: `[plugins.trust]` and the file of keys it names become one policy.

use inkstone_config::engine::TrustConfig;
use inkstone_config::plugin_keys;
use inkstone_domain::{Error, Result, codes};
use inkstone_package::{PackageError, Revocation, TrustPolicy, TrustedKey};

/// Reads the keys anew; blocks on the disk. `invalid_config` names the entry that is wrong.
pub(crate) fn policy(config: &TrustConfig) -> Result<TrustPolicy> {
    let keys = plugin_keys::load(&config.keys_file)?;
    let wrong = |entry: &str, error: PackageError| {
        Error::new(
            &codes::INVALID_CONFIG,
            format!("{}: {entry}: {error}", config.keys_file.display()),
        )
    };
    let trusted = keys.trusted.into_iter().map(|entry| {
        let key = entry.key.parse();
        let key =
            key.map_err(|error| wrong(&format!("the trusted key `{}`", entry.name), error))?;
        Ok(TrustedKey {
            name: entry.name,
            key,
        })
    });
    let revoked = keys.revoked.into_iter().map(|entry| {
        let key_id = entry.key_id.parse();
        Ok(Revocation {
            key_id: key_id.map_err(|error| wrong("a revoked key", error))?,
            reason: entry.reason,
        })
    });
    Ok(TrustPolicy {
        require_signature: config.require_signature,
        trusted: trusted.collect::<Result<_>>()?,
        revoked: revoked.collect::<Result<_>>()?,
        pins: config.pins.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_their_file_and_a_wrong_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = TrustConfig {
            keys_file: folder.path().join("keys.toml"),
            ..TrustConfig::default()
        };
        assert_eq!(policy(&config).unwrap(), TrustPolicy::default());
        let key = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        let write = |text: String| std::fs::write(&config.keys_file, text).unwrap();
        write(format!(
            "[[trusted]]\nname = \"acme\"\nkey = \"{key}\"\n[[revoked]]\nkey_id = \"21fe31dfa154a261\"\n"
        ));
        let read = policy(&config).unwrap();
        assert_eq!(read.trusted[0].name, "acme");
        assert_eq!(read.revoked[0].key_id, read.trusted[0].key.id());

        for (text, words) in [
            (
                "[[trusted]]\nname = \"acme\"\nkey = \"x\"\n",
                "the trusted key `acme`",
            ),
            ("[[revoked]]\nkey_id = \"x\"\n", "is no key id"),
        ] {
            write(text.to_owned());
            let error = policy(&config).unwrap_err();
            assert_eq!(error.code().name, "invalid_config");
            assert!(error.message().contains(words), "{error}");
        }
    }
}
