//! One name for one model. Prices and limits go by the name as it is called, so a name that a service would take for
//! another spelling of one that has them is refused: it would be free, and bound by nothing.

use std::collections::HashMap;

use inkstone_domain::money::PriceTable;
use inkstone_domain::{Error, codes};

/// What services pass over at the end of a name.
const PASSED_OVER: [&str; 2] = [":latest", "/"];

/// Names that mean something here, by what is left of them without their spelling.
#[derive(Debug, Default)]
pub(crate) struct Spellings(HashMap<String, Vec<String>>);

impl Spellings {
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut spellings: HashMap<String, Vec<String>> = HashMap::new();
        for name in names {
            let same = spellings.entry(plain(name)).or_default();
            same.push(name.to_owned());
        }
        Self(spellings)
    }

    /// A known name that this one is another spelling of, or a variant (`:nitro`); none where it is known itself.
    pub fn other(&self, name: &str) -> Option<&str> {
        if self.0.is_empty() {
            return None;
        }
        let plain = plain(name);
        if let Some(same) = self.0.get(&plain) {
            let is_known = same.iter().any(|known| known == name);
            return same.first().filter(|_| !is_known).map(String::as_str);
        }
        let same = self.0.get(without_variant(&plain)?)?;
        same.first().map(String::as_str)
    }
}

/// The name under which a provider's table has a price for a model that it has none for as it is spelled.
pub(crate) fn priced_as(table: &PriceTable, model: &str) -> Option<String> {
    let wanted = plain_model(model);
    let priced = |name: &str| {
        let exact = table.models.iter().map(|entry| &entry.model);
        let mut exact = exact.filter(|entry| !entry.ends_with('*'));
        let of_pattern = table.price_of(name).map(|_| name.to_owned());
        of_pattern.or_else(|| exact.find(|entry| plain_model(entry) == name).cloned())
    };
    priced(&wanted).or_else(|| priced(without_variant(&wanted)?))
}

/// `unknown_model`, and how it is spelled.
pub(crate) fn misspelled(name: &str, right: &str) -> Error {
    Error::new(
        &codes::UNKNOWN_MODEL,
        format!(
            "`{name}` is another spelling of `{right}`, whose price and limits would not hold for it; call it `{right}`, or have a price or a limit set for `{name}`"
        ),
    )
}

/// A `provider/model` without what may be spelled in several ways.
fn plain(name: &str) -> String {
    match name.split_once('/') {
        Some((provider, model)) => format!("{provider}/{}", plain_model(model)),
        None => name.to_owned(),
    }
}

fn plain_model(model: &str) -> String {
    let model = model.trim().to_ascii_lowercase();
    let mut rest = model.strip_prefix("models/").unwrap_or(&model);
    while let Some(shorter) = PASSED_OVER.iter().find_map(|end| rest.strip_suffix(end)) {
        rest = shorter;
    }
    rest.to_owned()
}

/// `x/y` of `x/y:nitro`: who serves it, or how fast, or with what beside it.
fn without_variant(name: &str) -> Option<&str> {
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let colon = name[last..].find(':')?;
    Some(&name[..last + colon])
}

#[cfg(test)]
mod tests {
    use inkstone_domain::money::{ModelPrice, Price};

    use super::*;

    #[test]
    fn another_spelling_of_a_known_name_is_found() {
        let known = Spellings::of(["gemini/gemini-2.5-pro", "hub/Meta/Llama-3"]);
        for (name, right) in [
            ("gemini/models/gemini-2.5-pro", "gemini/gemini-2.5-pro"),
            ("gemini/Gemini-2.5-Pro", "gemini/gemini-2.5-pro"),
            ("gemini/gemini-2.5-pro:latest", "gemini/gemini-2.5-pro"),
            ("gemini/gemini-2.5-pro/", "gemini/gemini-2.5-pro"),
            ("hub/meta/llama-3:online:nitro", "hub/Meta/Llama-3"),
        ] {
            assert_eq!(known.other(name), Some(right), "{name}");
        }
        for name in [
            "gemini/gemini-2.5-pro",
            "hub/Meta/Llama-3",
            "gemini/gemini-2.5",
            "hub/meta/llama-3-8b",
            "other/gemini-2.5-pro",
            "gemini",
        ] {
            assert_eq!(known.other(name), None, "{name}");
        }
    }

    #[test]
    fn two_spellings_that_are_both_known_are_two_models() {
        let known = Spellings::of(["ollama/llama3", "ollama/llama3:latest"]);
        assert_eq!(known.other("ollama/llama3"), None);
        assert_eq!(known.other("ollama/llama3:latest"), None);
        assert_eq!(known.other("ollama/Llama3"), Some("ollama/llama3"));
        // A variant is one of what stands before it, and of nothing else.
        let known = Spellings::of(["ollama/llama3:70b"]);
        assert_eq!(known.other("ollama/llama3"), None);
        assert_eq!(known.other("ollama/llama3:8b"), None);
        assert_eq!(known.other("ollama/LLAMA3:70b"), Some("ollama/llama3:70b"));
    }

    #[test]
    fn a_price_is_found_under_its_own_spelling() {
        let entry = |model: &str| ModelPrice {
            model: model.to_owned(),
            price: Price::default(),
        };
        let table = PriceTable {
            models: vec![entry("gpt-4o-20*"), entry("Command-R")],
            ..PriceTable::default()
        };
        for (model, right) in [
            ("GPT-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
            ("models/gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13")),
            ("command-r", Some("Command-R")),
            ("COMMAND-R:fast", Some("Command-R")),
            ("gpt-4", None),
        ] {
            assert_eq!(priced_as(&table, model).as_deref(), right, "{model}");
        }
    }
}
