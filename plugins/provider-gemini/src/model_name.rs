//! Names of models: without `models/` outside, always with it on the wire. A name is part of an address, so what could
//! lead elsewhere is refused; and a model has one name only, since prices and limits go by it.

use inkstone_plugin::{Error, Result};

const COLLECTION: &str = "models/";
const TUNED_COLLECTION: &str = "tunedModels/";

/// The name as the wire has it, such as `models/gemini-2.5-flash`. `not-found` where it has that form already.
pub fn resource(model: &str) -> Result<String> {
    if let Some(name) = model.strip_prefix(COLLECTION) {
        return Err(Error::not_found(format!(
            "there is no model `{model}`: its name is `{name}`, without `{COLLECTION}`"
        ))
        .with_code("model_not_found"));
    }
    let (collection, name) = match model.strip_prefix(TUNED_COLLECTION) {
        Some(name) => (TUNED_COLLECTION, name),
        None => (COLLECTION, model),
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
    fn a_name_gets_its_collection() {
        for (name, want) in [
            ("gemini-2.5-flash", "models/gemini-2.5-flash"),
            ("tunedModels/my-model_1", "tunedModels/my-model_1"),
        ] {
            assert_eq!(resource(name).unwrap(), want);
        }
    }

    /// Prices and limits know the short name: the long one would be free.
    #[test]
    fn a_name_with_its_collection_is_refused_and_the_right_one_named() {
        let error = resource("models/gemini-2.5-pro").unwrap_err();
        assert_eq!(error.kind, inkstone_plugin::ErrorKind::NotFound);
        assert_eq!(error.code.as_deref(), Some("model_not_found"));
        assert!(
            error.message.contains("its name is `gemini-2.5-pro`"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_refused() {
        for name in [
            "", "../files", "a?b", "a#b", "a:b", "a/b", "a b", "a ", "a/", "a%2Db", "ä",
        ] {
            let error = resource(name).unwrap_err();
            assert!(error.message.contains("`model`"), "{}", error.message);
        }
    }
}
