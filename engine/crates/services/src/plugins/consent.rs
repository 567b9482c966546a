//! Whether an upgrade may take over by itself: one that asks for more than the version before, and
//! was not granted it, waits for an admin.

use inkstone_domain::capability::{
    Effective, EventPattern, Grants, OutboundHost, Permissions, PowerCeiling,
};
use inkstone_domain::plugin::{LoadedPlugin, PluginSpec};
use inkstone_domain::{Error, Result, codes};

/// `consent_needed` where `new` asks for something that `old` did not ask for and that it is not given.
pub(super) fn check(old: &LoadedPlugin, new: &LoadedPlugin, spec: &PluginSpec) -> Result<()> {
    let version = &new.manifest.version;
    if spec.consent.as_ref() == Some(version) {
        return Ok(());
    }
    let asked = &new.manifest.permissions;
    let asked_before = Grants {
        permissions: old.manifest.permissions.clone(),
    };
    let newly_asked = missing(asked, &asked_before);
    let missing_now: Vec<&String> = new
        .refused
        .iter()
        .filter(|refused| newly_asked.iter().any(|asked| is_same(asked, refused)))
        .collect();
    if missing_now.is_empty() {
        return Ok(());
    }
    let ungranted = missing(asked, &spec.grants);
    let lines = lines_for(asked, &spec.grants.permissions);
    let is_grantable = missing_now
        .iter()
        .any(|refused| ungranted.iter().any(|other| is_same(other, refused)));
    let help = match is_grantable {
        true => format!("write into its grants {}, or", quoted(&lines)),
        false => "the ceiling `[plugins.ceiling.powers]` refuses it: raise that, or".to_owned(),
    };
    Err(Error::new(
        &codes::CONSENT_NEEDED,
        format!(
            "`{}` {version} asks for more than {}, which goes on serving ({}); {help} `consent = \"{version}\"` into its entry to let it serve with less",
            new.manifest.id,
            old.manifest.version,
            quoted(&missing_now),
        ),
    ))
}

fn missing(asked: &Permissions, granted: &Grants) -> Vec<String> {
    Effective::of(asked, granted, &PowerCeiling::default()).refused(asked)
}

/// The same power in two lists of what is missing; a quota's figures may differ.
fn is_same(one: &str, other: &str) -> bool {
    const QUOTA: &str = "kv_quota_bytes:";
    one == other || (one.starts_with(QUOTA) && other.starts_with(QUOTA))
}

/// The lines of the grants, as they must be for all that is asked. What is granted now stays.
fn lines_for(asked: &Permissions, granted: &Permissions) -> Vec<String> {
    let mut lines = Vec::new();
    let covered = |one: Permissions| {
        let granted = Grants {
            permissions: granted.clone(),
        };
        missing(&one, &granted).is_empty()
    };
    let covers_host = |host: &OutboundHost| {
        covered(Permissions {
            outbound_hosts: vec![host.clone()],
            ..Permissions::default()
        })
    };
    let covers_events = |events: &EventPattern| {
        covered(Permissions {
            events: vec![events.clone()],
            ..Permissions::default()
        })
    };
    let (hosts, events) = (&asked.outbound_hosts, &asked.events);
    let hosts = longer(&granted.outbound_hosts, hosts, covers_host);
    lines.extend(hosts.map(|hosts| format!("outbound_hosts = [{hosts}]")));
    let events = longer(&granted.events, events, covers_events);
    lines.extend(events.map(|events| format!("events = [{events}]")));
    if !asked.credentials.is_subset(&granted.credentials) {
        let names = asked.credentials.union(&granted.credentials);
        let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
        lines.push(format!("credentials = [{}]", names.join(", ")));
    }
    if asked.kv_quota_bytes > granted.kv_quota_bytes {
        lines.push(format!("kv_quota_bytes = {}", asked.kv_quota_bytes));
    }
    for (name, is_asked, is_granted) in [
        ("ai", asked.ai, granted.ai),
        ("tools", asked.tools, granted.tools),
        ("search", asked.search, granted.search),
        ("inference", asked.inference, granted.inference),
    ] {
        if is_asked && !is_granted {
            lines.push(format!("{name} = true"));
        }
    }
    lines
}

/// The granted ones with what they do not cover; `None` where they cover all.
fn longer<T: ToString>(granted: &[T], asked: &[T], covers: impl Fn(&T) -> bool) -> Option<String> {
    let more: Vec<&T> = asked.iter().filter(|one| !covers(one)).collect();
    if more.is_empty() {
        return None;
    }
    let all = granted.iter().chain(more);
    let all: Vec<String> = all.map(|one| format!("{:?}", one.to_string())).collect();
    Some(all.join(", "))
}

fn quoted(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use inkstone_domain::plugin::PluginBody;
    use inkstone_testkit::{FakeResearch, loaded_plugin};

    use super::*;

    fn asks(version: &str, asked: &Permissions, spec: &PluginSpec) -> LoadedPlugin {
        let body = PluginBody::Research(Arc::new(FakeResearch::new()));
        let loaded = loaded_plugin("research-web", version, body);
        let mut plugin = Arc::into_inner(loaded).unwrap();
        let effective = Effective::of(asked, &spec.grants, &PowerCeiling::default());
        plugin.refused = effective.refused(asked);
        plugin.manifest.permissions = asked.clone();
        plugin.effective = effective;
        plugin
    }

    fn hosts(list: &[&str]) -> Permissions {
        Permissions {
            outbound_hosts: list.iter().map(|host| host.parse().unwrap()).collect(),
            ..Permissions::default()
        }
    }

    #[test]
    fn only_what_is_new_and_not_granted_needs_consent() {
        let mut spec = PluginSpec::new("research-web", "x.wasm");
        spec.grants.permissions = hosts(&["https://a.example:443"]);
        let old = asks(
            "1.0.0",
            &hosts(&["https://a.example:443", "https://z.example:443"]),
            &spec,
        );
        // The same as before, though not all of it was granted; and less.
        for asked in [
            &["https://a.example:443", "https://z.example:443"][..],
            &["https://a.example:443"],
        ] {
            check(&old, &asks("1.1.0", &hosts(asked), &spec), &spec).unwrap();
        }
        let mut wanted = hosts(&["https://a.example:443", "https://b.example:443"]);
        wanted.ai = true;
        wanted.kv_quota_bytes = 1_000;
        wanted.events = vec!["article.*".parse().unwrap()];
        let error = check(&old, &asks("1.1.0", &wanted, &spec), &spec).unwrap_err();
        assert_eq!(error.code().name, "consent_needed");
        for words in [
            "`research-web` 1.1.0 asks for more than 1.0.0",
            r#"`outbound_hosts = ["https://a.example:443", "https://b.example:443"]`"#,
            "`kv_quota_bytes = 1000`",
            r#"`events = ["article.*"]`"#,
            "`ai = true`",
            r#"`consent = "1.1.0"`"#,
        ] {
            assert!(error.message().contains(words), "{words}: {error}");
        }
        // Consent for another version is none.
        spec.consent = Some("1.0.0".to_owned());
        assert!(check(&old, &asks("1.1.0", &wanted, &spec), &spec).is_err());
        spec.consent = Some("1.1.0".to_owned());
        check(&old, &asks("1.1.0", &wanted, &spec), &spec).unwrap();
        spec.consent = None;
        spec.grants.permissions = wanted.clone();
        check(&old, &asks("1.1.0", &wanted, &spec), &spec).unwrap();
    }

    #[test]
    fn what_the_ceiling_refuses_no_grant_helps_with() {
        let mut spec = PluginSpec::new("research-web", "x.wasm");
        let old = asks("1.0.0", &Permissions::default(), &spec);
        let wanted = Permissions {
            ai: true,
            ..Permissions::default()
        };
        spec.grants.permissions = wanted.clone();
        let mut new = asks("1.1.0", &wanted, &spec);
        new.refused = vec!["ai".to_owned()];
        let error = check(&old, &new, &spec).unwrap_err();
        assert!(
            error.message().contains("[plugins.ceiling.powers]"),
            "{error}"
        );
    }
}
