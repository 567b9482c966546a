//! What a project says about words: which say nothing, and which mean the same.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Applied when something is searched, not when it is indexed: a change holds at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lexicon {
    /// Words that say nothing.
    pub stop_words: Vec<String>,
    pub synonyms: Vec<Synonyms>,
}

/// Words, or several words together, that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synonyms {
    /// Whoever types this finds `words`, too, and not the other way; where it is left out, each of `words` finds all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    pub words: Vec<String>,
}

impl Synonyms {
    /// Each of them stands for all.
    pub fn mutual(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            of: None,
            words: words.into_iter().map(Into::into).collect(),
        }
    }

    /// `of` stands for these, too.
    pub fn one_way(
        of: impl Into<String>,
        words: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            of: Some(of.into()),
            ..Self::mutual(words)
        }
    }

    /// What is typed, and what it stands for beside itself.
    pub fn meanings(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let typed: Vec<&str> = match &self.of {
            Some(of) => vec![of],
            None => self.words.iter().map(String::as_str).collect(),
        };
        typed.into_iter().map(|typed| {
            let words = self.words.iter().map(String::as_str);
            (typed, words.filter(|word| *word != typed).collect())
        })
    }
}

/// How a project's texts are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchSettings {
    /// Slug.
    pub project: String,
    pub lexicon: Lexicon,
    /// 0 before the first change, one more with each.
    pub revision: u64,
    /// Of the last change; none before the first.
    pub updated_at: Option<DateTime<Utc>>,
}

impl SearchSettings {
    /// Those of before the first change.
    pub fn of(project: impl Into<String>) -> Self {
        Self {
            project: project.into(),
            lexicon: Lexicon::default(),
            revision: 0,
            updated_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synonyms_go_both_ways_or_one() {
        let mutual = Synonyms::mutual(["nyc", "new york"]);
        let both: Vec<_> = mutual.meanings().collect();
        assert_eq!(both, [("nyc", vec!["new york"]), ("new york", vec!["nyc"])]);
        let one_way = Synonyms::one_way("phone", ["iphone", "pixel"]);
        let one: Vec<_> = one_way.meanings().collect();
        assert_eq!(one, [("phone", vec!["iphone", "pixel"])]);
    }
}
