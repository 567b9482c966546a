//! What a project says about words.

use inkstone_domain::search::{Lexicon, SearchSettings, Synonyms};

/// The first ones of a project, with all that settings can have.
pub fn search_settings(project: &str) -> SearchSettings {
    SearchSettings {
        lexicon: Lexicon {
            stop_words: vec!["lorem".to_owned(), "雑".to_owned()],
            synonyms: vec![
                Synonyms::mutual(["nyc", "new york"]),
                Synonyms::one_way("phone", ["\"pixel\""]),
            ],
        },
        revision: 1,
        updated_at: Some(super::now()),
        ..SearchSettings::of(project)
    }
}
