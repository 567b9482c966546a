//! What a project says about words.

use chrono::{DateTime, Utc};
use inkstone_domain::search::{Lexicon, SearchSettings, Synonyms};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a project is searched. What is left out is none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchSettingsBody {
    /// Words that say nothing; whatever the case. They count where nothing else is typed, and in phrases.
    #[serde(default)]
    #[schema(max_items = 500, example = json!(["inkstone"]))]
    pub stop_words: Vec<String>,
    #[serde(default)]
    #[schema(max_items = 500)]
    pub synonyms: Vec<SynonymsBody>,
}

/// Words, or up to five words together, that mean the same.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SynonymsBody {
    /// Whoever types this finds `words`, too, and not the other way. Where it is left out, each of `words` finds all of
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100, example = "phone")]
    pub of: Option<String>,
    #[schema(max_items = 20, example = json!(["nyc", "new york"]))]
    pub words: Vec<String>,
}

/// How a project is searched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchSettingsReply {
    pub stop_words: Vec<String>,
    pub synonyms: Vec<SynonymsBody>,
    /// 0 before the first change.
    pub revision: u64,
    /// Of the last change.
    pub updated_at: Option<DateTime<Utc>>,
}

impl From<SearchSettingsBody> for Lexicon {
    fn from(body: SearchSettingsBody) -> Self {
        let synonyms = body.synonyms.into_iter().map(|group| Synonyms {
            of: group.of,
            words: group.words,
        });
        Self {
            stop_words: body.stop_words,
            synonyms: synonyms.collect(),
        }
    }
}

impl From<SearchSettings> for SearchSettingsReply {
    fn from(settings: SearchSettings) -> Self {
        let synonyms = settings.lexicon.synonyms.into_iter();
        let synonyms = synonyms.map(|group| SynonymsBody {
            of: group.of,
            words: group.words,
        });
        Self {
            stop_words: settings.lexicon.stop_words,
            synonyms: synonyms.collect(),
            revision: settings.revision,
            updated_at: settings.updated_at,
        }
    }
}
