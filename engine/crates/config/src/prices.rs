//! `prices.toml`, what a provider's models cost, which lies beside its `plugin.toml`. It is data that ages: it says where
//! it was read and when. What an admin sets in `[gateway.prices]` goes before it.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use inkstone_domain::money::{ModelPrice, Price, PriceTable};
use inkstone_domain::plugin::{Manifest, PluginKind};

use crate::problem::{ConfigError, Place, Problem, Problems};
use crate::section::Section;
use crate::tree;

/// The name of the file.
const FILE: &str = "prices.toml";
/// US dollars that nothing costs more than; beyond it somebody mistook the unit.
const MOST_USD: f64 = 1e6;

/// Parses a table; `file` is the name that faults are told with.
pub fn parse(text: &str, file: &str) -> Result<PriceTable, ConfigError> {
    let problems = Problems::default();
    let mut top = Section::top(tree::parse(text, file, &problems), &problems);
    let source_place = top.place_of("source");
    let source = top.required_text("source");
    if !source.is_empty() && !source.starts_with("https://") {
        top.fault(
            &source_place,
            format!("`source`: `{source}` is no address of a page, such as `https://example.org/pricing`"),
        );
    }
    let as_of_place = top.place_of("as_of");
    let as_of = top.required_text("as_of");
    if !as_of.is_empty() && !is_date(&as_of) {
        top.fault(
            &as_of_place,
            format!("`as_of`: `{as_of}` is no date, such as `2025-06-30`"),
        );
    }
    if !top.has("models") {
        top.fault(top.place(), "there is no [[models]], so it says nothing");
    }
    let mut known = BTreeSet::new();
    let models = top.sections("models").into_iter();
    let models = models.map(|section| model(section, &mut known)).collect();
    top.finish();
    problems.finish(PriceTable {
        source,
        as_of,
        models,
    })
}

/// The table beside a manifest, where there is one.
pub(crate) fn beside(
    manifest_path: &Path,
    manifest: &Manifest,
) -> Result<Option<PriceTable>, ConfigError> {
    let path = manifest_path.with_file_name(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ConfigError::unreadable(&path, &error)),
    };
    let file = path.display().to_string();
    if manifest.kind != PluginKind::Provider {
        return Err(ConfigError {
            problems: vec![Problem {
                place: Place::WholeFile { file },
                message: format!(
                    "only providers have prices, and `{}` is none; remove the file",
                    manifest.id
                ),
            }],
        });
    }
    parse(&text, &file).map(Some)
}

fn price(section: &mut Section<'_>) -> Price {
    let mut price = Price::default();
    section.decimal("input", 0.0..=MOST_USD, &mut price.input);
    section.decimal("output", 0.0..=MOST_USD, &mut price.output);
    section.optional_decimal("cached_input", 0.0..=MOST_USD, &mut price.cached_input);
    section.optional_decimal("search", 0.0..=MOST_USD, &mut price.search);
    price
}

fn model(mut section: Section<'_>, known: &mut BTreeSet<String>) -> ModelPrice {
    let place = section.place_of("model");
    let model = section.required_text("model");
    let beginning = model.strip_suffix('*').unwrap_or(&model);
    if beginning.contains('*') {
        section.fault(
            &place,
            format!("`model`: `{model}` has a `*` that is not at its end"),
        );
    }
    if !model.is_empty() && !known.insert(model.clone()) {
        section.fault(
            &place,
            format!("`model`: `{model}` has a price already, further up"),
        );
    }
    if !["input", "output", "search"]
        .iter()
        .any(|key| section.has(key))
    {
        section.fault(
            section.place(),
            "there is no price; write `input`, `output` or `search`",
        );
    }
    let price = price(&mut section);
    section.finish();
    ModelPrice { model, price }
}

/// Whether it looks like a date of RFC 3339, and is one of some year.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |text: &str, digits: usize| {
        let is_plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| text.parse::<u32>().ok()).flatten()
    };
    number(year, 4).is_some()
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(day, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
source = "https://example.org/pricing"
as_of = "2025-06-30"

[[models]]
model = "big*"
input = 2
output = 10.5
cached_input = 0.25

[[models]]
model = "sorter"
search = 2.0
"#;

    #[test]
    fn a_table_is_read() {
        let table = parse(TABLE, FILE).unwrap();
        assert_eq!(table.source, "https://example.org/pricing");
        assert_eq!(table.as_of, "2025-06-30");
        let big = Price {
            input: 2.0,
            output: 10.5,
            cached_input: Some(0.25),
            search: None,
        };
        assert_eq!(table.price_of("big-2025"), Some(big));
        assert_eq!(table.price_of("sorter").unwrap().search, Some(2.0));
    }

    #[test]
    fn dates_are_told_from_other_texts() {
        assert!(is_date("2025-06-30"));
        for text in [
            "2025-6-30",
            "2025-13-01",
            "2025-06-00",
            "June",
            "2025-06-30T",
            "+025-06-30",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    fn folder(kind: &str, prices: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let manifest = format!(
            "id = \"x\"\nname = \"X\"\nversion = \"1.0.0\"\nkind = \"{kind}\"\napi = \"0.2.0\"\n"
        );
        std::fs::write(folder.path().join("plugin.toml"), manifest).unwrap();
        if let Some(prices) = prices {
            std::fs::write(folder.path().join(FILE), prices).unwrap();
        }
        folder
    }

    fn load(kind: &str, prices: Option<&str>) -> Result<Manifest, ConfigError> {
        crate::manifest::load(&folder(kind, prices).path().join("plugin.toml"))
    }

    #[test]
    fn a_provider_gets_the_table_beside_its_manifest() {
        let prices = load("provider", Some(TABLE)).unwrap().prices;
        assert_eq!(prices, Some(parse(TABLE, FILE).unwrap()));
        assert_eq!(load("provider", None).unwrap().prices, None);
    }

    #[test]
    fn others_have_none_and_a_bad_one_is_told_with_its_file() {
        let error = load("research", Some(TABLE)).unwrap_err().to_string();
        assert!(error.contains("prices.toml: only providers"), "{error}");
        let error = load("provider", Some("source = 1"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("prices.toml:1:10: `source`"), "{error}");
    }
}
