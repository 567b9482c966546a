//! What was found.

use inkstone_domain::ids::{NoteId, UserId};
use inkstone_domain::note::{FoundWith, Note, NoteText};
use inkstone_domain::research::Source;
use serde_json::json;

use super::now;

/// A note with all that a note can have.
pub fn note(project: &str, author: UserId) -> Note {
    let at = now();
    Note {
        id: NoteId::new(),
        project: project.to_owned(),
        text: NoteText {
            title: "Spring tides".to_owned(),
            body: "They come with the *new* moon and the full one, 潮.".to_owned(),
            sources: vec![
                Source {
                    url: Some("https://example.org/tides".to_owned()),
                    title: Some("Of tides".to_owned()),
                    author: Some("Ada".to_owned()),
                    published: Some("2026-03-01".to_owned()),
                },
                Source::default(),
            ],
        },
        found_with: Some(FoundWith {
            plugin: "research-web".to_owned(),
            plugin_version: "0.3.0".to_owned(),
            tool: "search".to_owned(),
            input: json!({"query": "tides", "limit": 3}),
        }),
        author,
        revision: 1,
        created_at: at,
        updated_at: at,
    }
}
