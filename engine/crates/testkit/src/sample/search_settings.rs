//! What a project says about words, and searches that are kept.

use inkstone_domain::content::Status;
use inkstone_domain::ids::{SavedSearchId, UserId};
use inkstone_domain::search::{
    Between, DocumentKind, Lexicon, Matching, Narrow, SavedQuery, SavedSearch, SearchSettings,
    Synonyms,
};

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

/// One with alerts and all that a search can have.
pub fn saved_search(owner: UserId) -> SavedSearch {
    SavedSearch {
        id: SavedSearchId::new(),
        owner,
        name: "On “tides” 潮".to_owned(),
        query: SavedQuery {
            text: "\"low tide\" moon".to_owned(),
            kinds: vec![DocumentKind::Article, DocumentKind::Media],
            project: Some("handbook".to_owned()),
            status: Some(Status::Published),
            tags: vec!["sea".to_owned()],
            narrow: Narrow {
                categories: vec!["science/physics".to_owned()],
                created: Between {
                    from: Some(super::now()),
                    to: None,
                },
                words: Between {
                    from: None,
                    to: Some(500),
                },
                ..Narrow::default()
            },
            matching: Matching::All,
            language: Some("en".to_owned()),
        },
        alerts_since: Some(super::now()),
        created_at: super::now(),
    }
}
