//! What is measured, and what its language allows.

use schemars::JsonSchema;
use serde::Deserialize;

/// A text to measure.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The text, as Markdown.
    #[schemars(length(min = 1, max = 400_000))]
    pub text: String,
    /// Its title, where the text itself does not begin with one. It stands for the heading of level 1.
    #[serde(default)]
    #[schemars(length(max = 500))]
    pub title: Option<String>,
    /// Its language, BCP 47. The English formulas and the sentiment are left out for any other than English.
    #[serde(default = "default_language")]
    #[schemars(regex(pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))]
    pub language: String,
    /// Words or phrases the text is meant to be found by.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 100)))]
    pub keywords: Vec<String>,
}

impl Input {
    /// The language without script and region, in lower case: `de` of `de-AT`.
    pub fn primary_language(&self) -> String {
        let primary = self.language.split('-').next().unwrap_or_default();
        primary.to_ascii_lowercase()
    }

    /// Whether the formulas and the lexicon, which are all made for English, apply.
    pub fn is_english(&self) -> bool {
        matches!(self.primary_language().as_str(), "en" | "eng")
    }

    /// The title, where it says anything.
    pub fn title(&self) -> Option<&str> {
        let title = self.title.as_deref()?.trim();
        (!title.is_empty()).then_some(title)
    }
}

fn default_language() -> String {
    "en".to_owned()
}
