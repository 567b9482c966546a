//! `plugin.toml`, a plugin's manifest, as its author writes it.

use std::path::Path;

use inkstone_domain::plugin::{Manifest, PluginKind};

use crate::permissions;
use crate::prices;
use crate::problem::{ConfigError, Problems};
use crate::section::Section;
use crate::tree;

/// The kinds and how they are written.
const KINDS: &[(&str, PluginKind)] = &[
    ("provider", PluginKind::Provider),
    ("generator", PluginKind::Generator),
    ("research", PluginKind::Research),
    ("analytics", PluginKind::Analytics),
    ("subscriber", PluginKind::Subscriber),
];

/// Parses a manifest; `file` is the name that faults are told with.
pub fn parse(text: &str, file: &str) -> Result<Manifest, ConfigError> {
    let problems = Problems::default();
    let mut top = Section::top(tree::parse(text, file, &problems), &problems);

    let id_place = top.place_of("id");
    let id = top.required_text("id");
    check_id(&top, &id_place, &id);
    let name = top.required_text("name");
    let version_place = top.place_of("version");
    let version = top.required_text("version");
    check_version(&top, &version_place, "version", &version);
    let mut kind = PluginKind::Provider;
    if top.has("kind") {
        top.choice("kind", &mut kind, KINDS);
    } else {
        top.required_text("kind");
    }
    let api_place = top.place_of("api");
    let api = top.required_text("api");
    check_version(&top, &api_place, "api", &api);

    let mut manifest = Manifest {
        id,
        name,
        version,
        kind,
        api,
        authors: Vec::new(),
        description: String::new(),
        license: String::new(),
        repository: String::new(),
        permissions: Default::default(),
        limits: Default::default(),
        settings: Default::default(),
        prices: None,
    };
    top.list("authors", &mut manifest.authors);
    top.text("description", &mut manifest.description);
    top.text("license", &mut manifest.license);
    top.text("repository", &mut manifest.repository);
    manifest.permissions = permissions::permissions(top.section("permissions"));
    permissions::limits(top.section("limits"), &mut manifest.limits);

    let mut settings = top.section("settings");
    let schema_place = settings.place_of("schema");
    manifest.settings.schema = settings.json("schema");
    if let Some(schema) = &manifest.settings.schema
        && !schema.is_object()
    {
        settings.fault(
            &schema_place,
            "`schema` in [settings] must be a table that holds a JSON Schema",
        );
    }
    settings.finish();
    top.finish();
    problems.finish(manifest)
}

/// Reads and parses the manifest in `path`, and the prices that lie beside it.
pub fn load(path: &Path) -> Result<Manifest, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    let manifest = parse(&text, &path.display().to_string())?;
    Ok(Manifest {
        prices: prices::beside(path, &manifest)?,
        ..manifest
    })
}

/// The manifest as a `plugin.toml`, for a component whose own is not at hand; prices have a file of their
/// own, and are left out. The error says what TOML cannot say.
pub fn write(manifest: &Manifest) -> Result<String, String> {
    let manifest = Manifest {
        prices: None,
        ..manifest.clone()
    };
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

/// Ids become file names, model prefixes and parts of URLs, so they are kept plain.
pub(crate) fn check_id(section: &Section<'_>, place: &crate::problem::Place, id: &str) {
    let is_plain = id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !id.is_empty() && (!is_plain || id.len() > 64) {
        section.fault(
            place,
            format!(
                "`id`: `{id}` must be a lower-case letter, then lower-case letters, digits and hyphens, at most 64 in all, such as `provider-openai`"
            ),
        );
    }
}

fn check_version(section: &Section<'_>, place: &crate::problem::Place, key: &str, version: &str) {
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    let is_semantic = parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok());
    if !version.is_empty() && !is_semantic {
        section.fault(
            place,
            format!("`{key}`: `{version}` is no semantic version, such as `0.1.0`"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_was_written_is_read_as_the_same() {
        let text = r#"
id = "research-x"
name = "X"
version = "1.2.0-rc.1"
kind = "research"
api = "0.1.0"
authors = ["A <a@example.org>"]
description = "Reads \"things\"."
[permissions]
outbound_hosts = ["https://*.example.org:443"]
credentials = ["x"]
kv_quota_bytes = 1024
ai = true
[limits]
memory_mib = 64
[settings.schema]
type = "object"
properties.depth = { type = "integer", minimum = 1, default = 2 }
"#;
        let manifest = parse(text, "plugin.toml").unwrap();
        let written = write(&manifest).unwrap();
        assert_eq!(parse(&written, "written").unwrap(), manifest, "{written}");
    }
}
