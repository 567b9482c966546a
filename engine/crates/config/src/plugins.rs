//! `config/plugins.toml`: which plugins there are, and what the admin grants each of them. Which file
//! a folder or a version stands for is looked up when the list is loaded, not when it is parsed.

mod candidates;
mod editing;
mod list;
mod rollout;
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use inkstone_domain::capability::Grants;
use inkstone_domain::plugin::{Limits, PluginSpec};
use serde_json::Value as Json;

pub use self::list::TomlPluginList;
pub(crate) use self::list::on_disk;
use self::source::Source;
use crate::engine::PluginsConfig;
use crate::problem::{ConfigError, Place, Problems};
use crate::section::Section;
use crate::{manifest, permissions, tree};

/// Reads the list, and looks which file each entry means.
pub fn load(config: &PluginsConfig) -> Result<Vec<PluginSpec>, ConfigError> {
    let text = std::fs::read_to_string(&config.file)
        .map_err(|error| ConfigError::unreadable(&config.file, &error))?;
    look_up(&text, config)
}

/// Reads the list from its text, and looks which file each entry means.
fn look_up(text: &str, config: &PluginsConfig) -> Result<Vec<PluginSpec>, ConfigError> {
    let mut specs = parse(
        text,
        &config.file.display().to_string(),
        &config.dir,
        config.max_plugins,
    )?;
    for spec in &mut specs {
        candidates::settle(spec);
    }
    Ok(specs)
}

/// Checks `text`, which faults call `file`. Paths in it that are relative count from `dir`. The order
/// of the file is kept.
pub fn parse(
    text: &str,
    file: &str,
    dir: &Path,
    max_plugins: u32,
) -> Result<Vec<PluginSpec>, ConfigError> {
    let problems = Problems::default();
    let mut top = Section::top(tree::parse(text, file, &problems), &problems);
    let mut seen: BTreeMap<String, Place> = BTreeMap::new();
    let mut specs = Vec::new();
    let sections = top.sections("plugin");
    if let Some(first_too_many) = sections.get(max_plugins as usize) {
        first_too_many.fault(
            first_too_many.place(),
            format!(
                "there are {} plugins, and `max_plugins` in [plugins] of engine.toml allows {max_plugins}; this is the first one too many",
                sections.len()
            ),
        );
        return problems.finish(specs);
    }
    for section in sections {
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
    let Source { path, remote } = source::source(&mut section, &id, dir);
    let rollout = rollout::rollout(&mut section, &id, dir, &path);

    let mut enabled = true;
    section.flag("enabled", &mut enabled);
    let grants = Grants {
        permissions: permissions::permissions(section.section("grants")),
    };
    let mut limits = Limits::default();
    permissions::limits(section.section("limits"), &mut limits);
    let mut consent = None;
    section.optional_text("consent", &mut consent);
    let mut run_as = None;
    section.optional_text("run_as", &mut run_as);
    let mut record_share = 0.0;
    section.decimal("record", 0.0..=1.0, &mut record_share);
    let settings_place = section.place_of("settings");
    let settings = section
        .json("settings")
        .unwrap_or_else(|| Json::Object(serde_json::Map::new()));
    if !settings.is_object() {
        section.fault(&settings_place, "`settings` must be a table");
    }
    section.finish();
    let spec = PluginSpec {
        remote,
        enabled,
        grants,
        limits,
        settings,
        rollout,
        consent,
        record_share,
        run_as: run_as.map(|email| email.trim().to_lowercase()),
        ..PluginSpec::new(id, path)
    };
    (spec, id_place)
}
