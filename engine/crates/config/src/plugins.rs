//! `config/plugins.toml`: which plugins there are, and what the admin grants each of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inkstone_domain::capability::Grants;
use inkstone_domain::plugin::{Limits, PluginSpec};
use serde_json::Value as Json;

use crate::problem::{ConfigError, Place, Problems};
use crate::section::Section;
use crate::{manifest, permissions, tree};

/// Reads the list in `path`. Paths in it that are relative count from `dir`.
pub fn load(path: &Path, dir: &Path) -> Result<Vec<PluginSpec>, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    parse(&text, &path.display().to_string(), dir)
}

/// Checks `text`, which faults call `file`. The order of the file is kept.
pub fn parse(text: &str, file: &str, dir: &Path) -> Result<Vec<PluginSpec>, ConfigError> {
    let problems = Problems::default();
    let mut top = Section::top(tree::parse(text, file, &problems), &problems);
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let mut specs = Vec::new();
    for section in top.sections("plugin") {
        let (spec, id_place) = plugin(section, dir);
        match seen.get(&spec.id) {
            Some(first) => problems.add(
                &id_place,
                format!(
                    "the plugin `{}` stands here twice; first at {first}",
                    spec.id
                ),
            ),
            None => {
                seen.insert(spec.id.clone(), id_place);
            }
        }
        specs.push(spec);
    }
    top.finish();
    problems.finish(specs)
}

fn plugin(mut section: Section<'_>, dir: &Path) -> (PluginSpec, Place) {
    let id_place = section.place_of("id");
    let id = section.required_text("id");
    manifest::check_id(&section, &id_place, &id);

    let mut path = PathBuf::new();
    let source_place = section.place_of("source");
    let mut source = section.section("source");
    if !source.has("path") {
        source.fault(
            &source_place,
            format!("`{id}` has no file; write source = {{ path = \"{id}.wasm\" }}"),
        );
    }
    source.path_value("path", &mut path);
    source.finish();

    let mut enabled = true;
    section.flag("enabled", &mut enabled);
    let grants = Grants {
        permissions: permissions::permissions(section.section("grants")),
    };
    let mut limits = Limits::default();
    permissions::limits(section.section("limits"), &mut limits);
    let settings_place = section.place_of("settings");
    let settings = section
        .json("settings")
        .unwrap_or_else(|| Json::Object(serde_json::Map::new()));
    if !settings.is_object() {
        section.fault(&settings_place, "`settings` must be a table");
    }
    section.finish();
    let spec = PluginSpec {
        enabled,
        grants,
        limits,
        settings,
        ..PluginSpec::new(id, dir.join(path))
    };
    (spec, id_place)
}
