//! Invariants 1 and 3: who owns which outside crate, and who may use whom. Adapters know neither each
//! other nor the services, and plugins know only the SDK.

use super::Finding;
use super::packages::Package;

/// An outside name (`*` at the end stands for any rest) and the packages of ours that may hold it.
const OWNERS: &[(&str, &[&str])] = &[
    ("notify", &["inkstone-config"]),
    ("toml", &["inkstone-config"]),
    ("toml_edit", &["inkstone-config"]),
    ("wasmtime", &["inkstone-bindings", "inkstone-host"]),
    ("wasmtime-wasi", &["inkstone-host"]),
    ("zip", &["inkstone-package", "inkstone-services"]),
    ("ed25519-dalek", &["inkstone-package", "inkstone-services"]),
    ("wit-component", &["inkstone-packager"]),
    ("wasmparser", &["inkstone-packager", "inkstone-host"]),
    ("wit-bindgen", &["inkstone-plugin"]),
    ("reqwest", &["inkstone-egress"]),
    ("candle-*", &["inkstone-inference"]),
    ("tokenizers", &["inkstone-inference"]),
    ("surrealdb", &["inkstone-store"]),
    ("surrealdb-cnf", &["inkstone-store"]),
    ("surrealdb-core", &["inkstone-store"]),
    ("surrealdb-*", &[]),
    ("tantivy", &["inkstone-search"]),
    ("object_store", &["inkstone-blobs"]),
    ("image", &["inkstone-imaging"]),
    ("redis", &["inkstone-redis"]),
    ("webp", &["inkstone-imaging"]),
    ("arc-swap", &["inkstone-services"]),
    ("ammonia", &["inkstone-services"]),
    ("comrak", &["inkstone-services"]),
    ("croner", &["inkstone-services"]),
    ("chrono-tz", &["inkstone-services"]),
    ("similar", &["inkstone-services"]),
    ("jsonschema", &["inkstone-host", "inkstone-services"]),
    ("openidconnect", &["inkstone-services"]),
    ("rustls", &["inkstone-api", "inkstone-redis"]),
    ("tokio-rustls", &["inkstone-api"]),
    ("utoipa*", &["inkstone-api"]),
    ("axum", &["inkstone-api"]),
    ("clap", &["inkstone"]),
];

/// Each package of ours and those of ours that it may use. `*` is all of them.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("inkstone-domain", &[]),
    ("inkstone-config", &["inkstone-domain"]),
    ("inkstone-bindings", &[]),
    (
        "inkstone-host",
        &["inkstone-domain", "inkstone-bindings", "inkstone-package"],
    ),
    ("inkstone-package", &["inkstone-domain"]),
    ("inkstone-egress", &["inkstone-domain"]),
    ("inkstone-inference", &["inkstone-domain"]),
    ("inkstone-store", &["inkstone-domain"]),
    ("inkstone-search", &["inkstone-domain"]),
    ("inkstone-blobs", &["inkstone-domain"]),
    ("inkstone-imaging", &["inkstone-domain"]),
    ("inkstone-redis", &["inkstone-domain"]),
    ("inkstone-services", &["inkstone-domain"]),
    ("inkstone-api", &["inkstone-domain", "inkstone-services"]),
    (
        "inkstone-testkit",
        &["inkstone-domain", "inkstone-services", "inkstone-api"],
    ),
    (
        "inkstone-packager",
        &["inkstone-domain", "inkstone-config", "inkstone-package"],
    ),
    ("inkstone-plugin", &[]),
    ("inkstone", &["*"]),
    ("trips", &["*"]),
    ("bench", &["*"]),
    ("xtask", &["inkstone-config", "inkstone-packager"]),
];

/// They measure and drive from outside, beside the real thing, and ship in nothing.
const TOOLS: &[&str] = &["bench", "trips", "xtask"];

/// Only tests may use it.
const TEST_ONLY: &str = "inkstone-testkit";

/// Invariant 1: an outside name stands in no `[dependencies]` but its owner's.
pub(super) fn owners(packages: &[Package]) -> Vec<Finding> {
    let ours = packages
        .iter()
        .filter(|package| package.name != TEST_ONLY && !TOOLS.contains(&package.name.as_str()));
    let mut findings = Vec::new();
    for package in ours {
        for used in &package.uses {
            let Some((_, owners)) = OWNERS.iter().find(|(name, _)| matches(name, used)) else {
                continue;
            };
            if !owners.contains(&package.name.as_str()) {
                let whose = if owners.is_empty() {
                    "only for tests".to_owned()
                } else {
                    format!("owned by {}", owners.join(" and "))
                };
                findings.push(format!(
                    "[dependencies] of {} names {used}, which is {whose}",
                    package.name
                ));
            }
        }
    }
    findings
}

/// Invariant 3, and the table in ARCHITECTURE.md.
pub(super) fn directions(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(name, _)| *name == package.name) else {
            findings.push(format!(
                "the package {} is new: give it a line in xtask/src/tidy/dependencies.rs and in ARCHITECTURE.md",
                package.name
            ));
            continue;
        };
        for used in package.uses.iter().filter(|used| is_ours(used)) {
            let is_tool = TOOLS.contains(&package.name.as_str());
            if used == TEST_ONLY && !is_tool {
                findings.push(format!("{} uses {TEST_ONLY} outside tests", package.name));
            } else if !allowed.contains(&"*") && !allowed.contains(&used.as_str()) {
                findings.push(format!(
                    "{} uses {used}; it may use {}",
                    package.name,
                    if allowed.is_empty() {
                        "nothing of ours".to_owned()
                    } else {
                        allowed.join(", ")
                    }
                ));
            }
        }
    }
    findings
}

/// A bundled plugin sees exactly what a stranger's plugin sees.
pub(super) fn plugins(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let used = package.uses.iter().chain(&package.uses_in_tests);
        for name in used.filter(|name| is_ours(name) && *name != "inkstone-plugin") {
            findings.push(format!(
                "the plugin {} uses {name}; plugins see only the SDK",
                package.name
            ));
        }
    }
    findings
}

fn is_ours(name: &str) -> bool {
    name == "inkstone" || name.starts_with("inkstone-")
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            uses: uses.iter().map(|used| (*used).to_owned()).collect(),
            uses_in_tests: Vec::new(),
        }
    }

    #[test]
    fn a_borrowed_outside_crate_is_found() {
        for (name, used, is_fine) in [
            ("inkstone-store", "surrealdb", true),
            ("inkstone-services", "surrealdb", false),
            ("inkstone-store", "surrealdb-server", false),
            ("inkstone-api", "candle-core", false),
            ("inkstone-api", "utoipa-axum", true),
            ("inkstone-domain", "reqwest", false),
            ("inkstone-domain", "serde", true),
            ("bench", "tantivy", true),
        ] {
            let findings = owners(&[package(name, &[used])]);
            assert_eq!(findings.is_empty(), is_fine, "{name} {used}: {findings:?}");
        }
    }

    #[test]
    fn a_wrong_direction_is_found() {
        for (name, used, is_fine) in [
            ("inkstone-host", "inkstone-bindings", true),
            ("inkstone-host", "inkstone-egress", false),
            ("inkstone-store", "inkstone-services", false),
            ("inkstone-domain", "inkstone-config", false),
            ("inkstone-plugin", "inkstone-domain", false),
            ("inkstone", "inkstone-store", true),
            ("inkstone", "inkstone-testkit", false),
            ("inkstone-new", "inkstone-domain", false),
        ] {
            let findings = directions(&[package(name, &[used])]);
            assert_eq!(findings.is_empty(), is_fine, "{name} {used}: {findings:?}");
        }
    }

    #[test]
    fn a_plugin_that_looks_into_the_engine_is_found() {
        assert!(plugins(&[package("research-web", &["inkstone-plugin", "url"])]).is_empty());
        let mut curious = package("research-web", &[]);
        curious.uses_in_tests.push("inkstone-host".to_owned());
        assert_eq!(plugins(&[curious]).len(), 1);
    }
}
