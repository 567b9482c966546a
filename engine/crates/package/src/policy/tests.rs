//! The policy as a table: who signed, what is asked, what comes of it.

use inkstone_domain::plugin::PluginKind;

use super::*;
use crate::key::SigningKey;
use crate::package::{Contents, pack, read, sign};

fn package(signers: &[&SigningKey]) -> Package {
    let contents = Contents {
        id: "provider-x",
        version: "1.2.0",
        kind: PluginKind::Provider,
        api: "0.1.0",
        component: b"\0asm",
        manifest_toml: "id = \"provider-x\"",
        readme: None,
        license: None,
    };
    let unsigned = pack(&contents).unwrap();
    let signed = signers
        .iter()
        .fold(unsigned, |bytes, key| sign(&bytes, key).unwrap());
    read(&signed).unwrap()
}

fn trusting(name: &str, key: &SigningKey) -> TrustPolicy {
    TrustPolicy {
        trusted: vec![TrustedKey {
            name: name.to_owned(),
            key: key.public(),
        }],
        ..TrustPolicy::default()
    }
}

fn revoking(mut policy: TrustPolicy, key: &SigningKey) -> TrustPolicy {
    policy.revoked.push(Revocation {
        key_id: key.public().id(),
        reason: Some("lost".to_owned()),
    });
    policy
}

#[test]
fn standing_follows_the_policy() {
    let (acme, other) = (SigningKey::generate(), SigningKey::generate());
    let trusting_acme = trusting("acme", &acme);
    let both = package(&[&acme, &other]);
    for (policy, standings) in [
        (
            TrustPolicy::default(),
            [Standing::Unknown, Standing::Unknown],
        ),
        (
            trusting_acme.clone(),
            [Standing::Trusted, Standing::Unknown],
        ),
        (
            revoking(trusting_acme.clone(), &acme),
            [Standing::Revoked, Standing::Unknown],
        ),
        (
            revoking(trusting_acme.clone(), &other),
            [Standing::Trusted, Standing::Revoked],
        ),
    ] {
        let signers = policy.check(&both).unwrap();
        let found: Vec<Standing> = signers.iter().map(|one| one.standing).collect();
        assert_eq!(found, standings);
    }
    let signers = trusting_acme.check(&both).unwrap();
    assert_eq!(signers[0].name.as_deref(), Some("acme"));
    assert_eq!(signers[0].key_id, acme.public().id().as_str());
    assert_eq!(signers[1].name, None);
}

#[test]
fn a_signature_is_required_where_the_policy_says_so() {
    let (acme, other) = (SigningKey::generate(), SigningKey::generate());
    let strict = TrustPolicy {
        require_signature: true,
        ..trusting("acme", &acme)
    };
    let revoked = revoking(strict.clone(), &acme);
    for (what, package, policy, words) in [
        ("trusted", package(&[&acme]), &strict, None),
        ("one of two", package(&[&other, &acme]), &strict, None),
        ("unsigned", package(&[]), &strict, Some("it is not signed")),
        (
            "unknown",
            package(&[&other]),
            &strict,
            Some("key trust NAME ed25519:"),
        ),
        (
            "revoked",
            package(&[&acme]),
            &revoked,
            Some("only by keys that are revoked"),
        ),
        (
            "revoked and unknown",
            package(&[&acme, &other]),
            &revoked,
            Some("none of these keys is trusted"),
        ),
    ] {
        let outcome = policy.check(&package);
        match words {
            None => assert!(outcome.is_ok(), "{what}: {outcome:?}"),
            Some(words) => {
                let message = outcome.unwrap_err().to_string();
                assert!(message.contains(words), "{what}: {message}");
            }
        }
    }
    assert_eq!(strict.check_bare("provider-x", "00"), Err(Untrusted::Bare));
    assert_eq!(
        TrustPolicy::default().check_bare("provider-x", "00"),
        Ok(())
    );
}

#[test]
fn a_signature_that_is_not_valid_is_never_passed_over() {
    let (acme, other) = (SigningKey::generate(), SigningKey::generate());
    let mut package = package(&[&acme, &other]);
    // As if the index had been exchanged beneath the signatures.
    package.index_bytes.push(b' ');
    for policy in [TrustPolicy::default(), trusting("acme", &acme)] {
        let reason = policy.check(&package).unwrap_err();
        assert!(matches!(reason, Untrusted::BadSignature { .. }), "{reason}");
        let error = inkstone_domain::Error::from(reason);
        assert_eq!(error.code().name, "plugin_untrusted");
    }
}

#[test]
fn a_pin_holds_for_its_plugin() {
    let package = package(&[]);
    let pinned = |id: &str, digest: &str| TrustPolicy {
        pins: BTreeMap::from([(id.to_owned(), digest.to_owned())]),
        ..TrustPolicy::default()
    };
    let right = package.digest.clone();
    assert!(pinned("provider-x", &right).check(&package).is_ok());
    assert!(
        pinned("provider-x", &right.to_uppercase())
            .check(&package)
            .is_ok()
    );
    assert!(pinned("provider-y", "00").check(&package).is_ok());
    let reason = pinned("provider-x", "00").check(&package).unwrap_err();
    assert!(reason.to_string().contains(&right), "{reason}");
    let bare = pinned("provider-x", "00").check_bare("provider-x", "11");
    assert!(matches!(bare, Err(Untrusted::Pin { .. })));
}

#[test]
fn a_revocation_is_seen_when_asked_again() {
    let acme = SigningKey::generate();
    let strict = TrustPolicy {
        require_signature: true,
        ..trusting("acme", &acme)
    };
    let package = package(&[&acme]);
    let signers = strict.check(&package).unwrap();
    let again = |policy: &TrustPolicy| {
        policy.check_again("provider-x", &package.digest, Some(signers.clone()))
    };
    assert_eq!(again(&strict).unwrap(), signers);
    let later = revoking(strict, &acme);
    assert!(matches!(
        again(&later),
        Err(Untrusted::RevokedSigners { .. })
    ));
}
