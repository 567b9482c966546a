//! Names of models: with or without `models/` outside, always with it on the wire. A name is part of an address, so
//! what could lead elsewhere is refused.

use inkstone_plugin::{Error, Result};

const COLLECTION: &str = "models/";
const TUNED_COLLECTION: &str = "tunedModels/";

/// The name as the wire has it, such as `models/gemini-2.5-flash`.
pub fn resource(model: &str) -> Result<String> {
    let (collection, name) = match model.strip_prefix(TUNED_COLLECTION) {
        Some(name) => (TUNED_COLLECTION, name),
        None => (COLLECTION, bare(model)),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err(Error::invalid_input(format!(
            "`model` is `{model}`; a name of Gemini's API is made of letters, digits, `-`, `_` and `.`, such as gemini-2.5-flash"
        )));
    }
    Ok(format!("{collection}{name}"))
}

/// The name as callers know it, such as `gemini-2.5-flash`.
pub fn bare(model: &str) -> &str {
    model.strip_prefix(COLLECTION).unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_with_or_without_its_collection() {
        for (name, want) in [
            ("gemini-2.5-flash", "models/gemini-2.5-flash"),
            ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
            ("tunedModels/my-model_1", "tunedModels/my-model_1"),
        ] {
            assert_eq!(resource(name).unwrap(), want);
        }
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in [
            "", "models/", "../files", "a?b", "a#b", "a:b", "a/b", "a b", "ä",
        ] {
            let error = resource(name).unwrap_err();
            assert!(error.message.contains("`model`"), "{}", error.message);
        }
    }
}
