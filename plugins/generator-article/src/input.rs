//! What a user may ask for, and the numbers that follow from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the article shall be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What the article is about.
    #[schemars(length(min = 3, max = 200))]
    pub topic: String,
    /// Whom it is for.
    #[serde(default = "default_audience")]
    #[schemars(length(min = 1, max = 100))]
    pub audience: String,
    /// How it should sound.
    #[serde(default = "default_tone")]
    #[schemars(length(min = 1, max = 100))]
    pub tone: String,
    /// How long it should be: about 400, 800 or 1600 words. A small local model stays well below.
    #[serde(default)]
    pub length: Length,
    /// How many words it should have; overrides `length`.
    #[serde(default)]
    #[schemars(range(min = 100, max = 4000))]
    pub words: Option<u32>,
    /// Language of the article, BCP 47.
    #[serde(default = "default_language")]
    #[schemars(regex(pattern = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"))]
    pub language: String,
    /// Words that should occur; they come first among the tags.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub keywords: Vec<String>,
    /// A text the article is made from. Nothing is invented where there is one.
    #[serde(default)]
    #[schemars(length(max = 200_000))]
    pub source_text: Option<String>,
    /// Address of a page the article is made from; read by `research-web` where no `source_text` is given.
    #[serde(default)]
    #[schemars(length(max = 2000), regex(pattern = r"^https?://"))]
    pub source_url: Option<String>,
    /// The same seed, input and model give the same article.
    #[serde(default)]
    pub seed: u64,
}

/// How long an article is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    #[default]
    Short,
    Medium,
    Long,
}

fn default_audience() -> String {
    "general readers".to_owned()
}

fn default_tone() -> String {
    "clear and friendly".to_owned()
}

fn default_language() -> String {
    "en".to_owned()
}

impl Input {
    /// Words of the whole article.
    pub fn target_words(&self) -> usize {
        match (self.words, self.length) {
            (Some(words), _) => words as usize,
            (None, Length::Short) => 400,
            (None, Length::Medium) => 800,
            (None, Length::Long) => 1600,
        }
    }

    /// Sections of the article: about a hundred words each in a short one, more in a long one.
    pub fn section_count(&self) -> usize {
        match self.target_words() {
            0..=150 => 2,
            151..=300 => 3,
            301..=500 => 4,
            501..=700 => 5,
            701..=1000 => 6,
            1001..=1500 => 7,
            _ => 8,
        }
    }

    /// Words of one section.
    pub fn section_words(&self) -> usize {
        (self.target_words() / self.section_count()).max(50)
    }

    /// The topic on one line.
    pub fn topic_line(&self) -> String {
        let line: Vec<&str> = self.topic.split_whitespace().collect();
        line.join(" ").trim_end_matches(['.', '!']).to_owned()
    }

    /// Whether the article is in English, so that English patterns may stand in for a model.
    pub fn is_english(&self) -> bool {
        let language = self.language.to_ascii_lowercase();
        language == "en" || language.starts_with("en-")
    }

    /// Whether the audience was left open.
    pub fn for_everybody(&self) -> bool {
        self.audience == default_audience()
    }
}
