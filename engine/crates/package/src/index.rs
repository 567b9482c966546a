//! `inkplug.json`, the first entry of a package: what it is, and the size and digest of every other
//! entry. It is what a signature covers, so its bytes are kept exactly as they are.

use std::collections::BTreeMap;

use inkstone_domain::plugin::PluginKind;
use serde::{Deserialize, Serialize};

use crate::error::PackageError;
use crate::names::{check_id, check_version, shown};
use inkstone_domain::digest::sha256;

/// The package format that is written, and the highest that is read.
pub const FORMAT: u32 = 1;
/// The first release that reads [`FORMAT`].
const FIRST_ENGINE: &str = "0.1.0";

/// What a package says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// The format of the whole package.
    pub format: u32,
    /// The first release of the engine that reads this format.
    pub engine: String,
    pub id: String,
    /// Semantic version of the plugin.
    pub version: String,
    pub kind: PluginKind,
    /// Version of the plugin contract.
    pub api: String,
    /// Every entry but this one and the signatures, by name.
    pub(crate) entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Unpacked, bytes.
    size: u64,
    /// In small hex digits.
    sha256: String,
}

/// What every format says, so that a later one can be told from a damaged file.
#[derive(Deserialize)]
struct Opening {
    format: u32,
    #[serde(default)]
    engine: String,
}

impl Entry {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            sha256: sha256(bytes),
        }
    }
}

impl Index {
    pub(crate) fn new(
        id: &str,
        version: &str,
        kind: PluginKind,
        api: &str,
        entries: BTreeMap<String, Entry>,
    ) -> Result<Self, PackageError> {
        let index = Self {
            format: FORMAT,
            engine: FIRST_ENGINE.to_owned(),
            id: id.to_owned(),
            version: version.to_owned(),
            kind,
            api: api.to_owned(),
            entries,
        };
        index.check()?;
        Ok(index)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let refused = |error| PackageError::Refused(format!("inkplug.json: {error}"));
        let opening: Opening = serde_json::from_slice(bytes).map_err(refused)?;
        if opening.format > FORMAT {
            let engine = match opening.engine.as_str() {
                "" => "a later release of Inkstone".to_owned(),
                named => format!("Inkstone {} or later", shown(named)),
            };
            return Err(PackageError::TooNew {
                format: opening.format,
                engine,
            });
        }
        let index: Self = serde_json::from_slice(bytes).map_err(refused)?;
        index.check()?;
        Ok(index)
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, PackageError> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| PackageError::Refused(format!("inkplug.json: {error}")))
    }

    /// Whether the index names these entries, no more and no fewer, with their sizes and digests.
    pub(crate) fn check_entries(
        &self,
        found: &BTreeMap<&'static str, Vec<u8>>,
    ) -> Result<(), PackageError> {
        for (name, bytes) in found {
            let Some(entry) = self.entries.get(*name) else {
                return Err(PackageError::Refused(format!(
                    "`{name}` is in it, but inkplug.json does not list it"
                )));
            };
            if *entry != Entry::of(bytes) {
                return Err(PackageError::Damaged(format!(
                    "`{name}` is not what inkplug.json says: its size or SHA-256 differs"
                )));
            }
        }
        let missing = self
            .entries
            .keys()
            .find(|name| !found.contains_key(name.as_str()));
        match missing {
            Some(name) => Err(PackageError::Refused(format!(
                "inkplug.json lists `{}`, which is not in it",
                shown(name)
            ))),
            None => Ok(()),
        }
    }

    fn check(&self) -> Result<(), PackageError> {
        let refused = |why: String| PackageError::Refused(format!("inkplug.json: {why}"));
        if self.format == 0 {
            return Err(refused("there is no format 0".to_owned()));
        }
        check_id(&self.id).map_err(refused)?;
        check_version(&self.version).map_err(refused)?;
        check_version(&self.api).map_err(refused)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_later_format_names_the_engine_that_reads_it() {
        for (json, words) in [
            (
                json!({ "format": 2, "engine": "0.9.0", "news": [] }),
                "it needs Inkstone 0.9.0 or later",
            ),
            (
                json!({ "format": 7 }),
                "it needs a later release of Inkstone",
            ),
        ] {
            let error = Index::parse(json.to_string().as_bytes()).unwrap_err();
            assert!(matches!(error, PackageError::TooNew { .. }), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn an_index_that_is_none_is_refused() {
        let fine = json!({
            "format": 1, "engine": "0.1.0", "id": "provider-x", "version": "1.0.0",
            "kind": "provider", "api": "0.1.0", "entries": {}
        });
        assert!(Index::parse(fine.to_string().as_bytes()).is_ok());
        for (name, value, words) in [
            ("format", json!(0), "no format 0"),
            ("format", json!(-1), "inkplug.json"),
            ("id", json!("../x"), "the id `../x`"),
            ("version", json!("1.0.0-/../x"), "no semantic version"),
            ("api", json!("one"), "no semantic version"),
            ("kind", json!("driver"), "unknown variant"),
            ("entries", json!([]), "inkplug.json"),
            ("more", json!(1), "unknown field"),
        ] {
            let mut changed = fine.clone();
            changed[name] = value;
            let error = Index::parse(changed.to_string().as_bytes()).unwrap_err();
            assert!(error.to_string().contains(words), "{words}: {error}");
        }
    }
}
