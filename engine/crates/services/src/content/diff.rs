//! What changed between two texts, word by word. Pure.

use std::time::Duration;

use inkstone_domain::content::{ArticleText, Extras};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// After that long a difference is told less finely.
const PATIENCE: Duration = Duration::from_millis(500);

/// From one revision to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionDiff {
    /// 0 is the empty text before the first.
    pub from: u64,
    pub to: u64,
    /// Those that changed.
    pub fields: Vec<FieldDiff>,
}

/// One field, in pieces: without the deleted ones they are the new text, without the inserted ones the old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDiff {
    /// As on the wire.
    pub field: &'static str,
    pub pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub kind: PieceKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    Equal,
    Insert,
    Delete,
}

/// The fields that differ, in the order of a reply.
pub fn diff(before: &ArticleText, after: &ArticleText) -> Vec<FieldDiff> {
    let words = |field, before: &str, after: &str| FieldDiff {
        field,
        pieces: match before == after {
            true => Vec::new(),
            false => word_pieces(before, after),
        },
    };
    let time = |text: &ArticleText| text.publish_at.map(|at| at.to_rfc3339());
    let (old_time, new_time) = (time(before), time(after));
    let (old, new) = (&before.extras, &after.extras);
    let fields = [
        words("title", &before.title, &after.title),
        words("summary", &before.summary, &after.summary),
        words("body", &before.body, &after.body),
        FieldDiff {
            field: "tags",
            pieces: list_pieces(&before.tags, &after.tags),
        },
        words(
            "meta_description",
            &before.meta_description,
            &after.meta_description,
        ),
        words("language", &before.language, &after.language),
        words("status", before.status.as_str(), after.status.as_str()),
        words(
            "publish_at",
            &old_time.unwrap_or_default(),
            &new_time.unwrap_or_default(),
        ),
        FieldDiff {
            field: "categories",
            pieces: list_pieces(&old.categories, &new.categories),
        },
        FieldDiff {
            field: "authors",
            pieces: list_pieces(&old.authors, &new.authors),
        },
        words("cover", &old.cover, &new.cover),
        words("meta_title", &old.meta_title, &new.meta_title),
        words("canonical_url", &old.canonical_url, &new.canonical_url),
        words(
            "no_index",
            &old.no_index.to_string(),
            &new.no_index.to_string(),
        ),
        words("content_type", &old.content_type, &new.content_type),
        words("fields", &json(old), &json(new)),
    ];
    let changed = fields.into_iter().filter(|field| !field.pieces.is_empty());
    changed.collect()
}

/// Over several lines, so that the pieces are small.
fn json(extras: &Extras) -> String {
    match extras.fields.is_empty() {
        true => String::new(),
        false => format!("{:#}", Value::Object(extras.fields.clone())),
    }
}

fn word_pieces(before: &str, after: &str) -> Vec<Piece> {
    let diff = TextDiff::configure()
        .timeout(PATIENCE)
        .diff_words(before, after);
    let mut pieces: Vec<Piece> = Vec::new();
    for change in diff.iter_all_changes() {
        let kind = kind_of(change.tag());
        match pieces.last_mut() {
            Some(last) if last.kind == kind => last.text.push_str(change.value()),
            _ => pieces.push(Piece {
                kind,
                text: change.value().to_owned(),
            }),
        }
    }
    pieces
}

/// A piece per item; none where the lists are the same.
fn list_pieces(before: &[String], after: &[String]) -> Vec<Piece> {
    if before == after {
        return Vec::new();
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let after: Vec<&str> = after.iter().map(String::as_str).collect();
    let diff = TextDiff::from_slices(&before, &after);
    let changes = diff.iter_all_changes();
    changes
        .map(|change| Piece {
            kind: kind_of(change.tag()),
            text: change.value().to_owned(),
        })
        .collect()
}

fn kind_of(tag: ChangeTag) -> PieceKind {
    match tag {
        ChangeTag::Equal => PieceKind::Equal,
        ChangeTag::Insert => PieceKind::Insert,
        ChangeTag::Delete => PieceKind::Delete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &FieldDiff) -> String {
        let pieces = field.pieces.iter().map(|piece| match piece.kind {
            PieceKind::Equal => piece.text.clone(),
            PieceKind::Insert => format!("[+{}]", piece.text),
            PieceKind::Delete => format!("[-{}]", piece.text),
        });
        format!("{}: {}", field.field, pieces.collect::<String>())
    }

    #[test]
    fn only_what_changed_is_told_word_by_word() {
        let before = ArticleText {
            title: "The tides".to_owned(),
            body: "The moon pulls the sea.\n\nTwice a day.".to_owned(),
            tags: vec!["sea".to_owned(), "moon".to_owned()],
            ..ArticleText::default()
        };
        let after = ArticleText {
            body: "The moon pulls the whole sea.\n\nTwice every day.".to_owned(),
            tags: vec!["sea".to_owned(), "sun".to_owned()],
            ..before.clone()
        };
        let told: Vec<String> = diff(&before, &after).iter().map(shown).collect();
        assert_eq!(
            told,
            [
                "body: The moon pulls the [+whole ]sea.\n\nTwice [-a][+every] day.",
                "tags: sea[-moon][+sun]",
            ]
        );
        assert!(diff(&before, &before).is_empty());
        let from_nothing = diff(&ArticleText::default(), &before);
        assert_eq!(shown(&from_nothing[0]), "title: [+The tides]");
    }

    #[test]
    fn pieces_give_both_texts_back() {
        for (before, after) in [
            ("", "a b"),
            ("a  b\tc", "a b c"),
            ("ä ö\r\nü", "ö\nä ü"),
            ("same", "same but longer"),
        ] {
            let pieces = word_pieces(before, after);
            let text = |without: PieceKind| -> String {
                let kept = pieces.iter().filter(|piece| piece.kind != without);
                kept.map(|piece| piece.text.as_str()).collect()
            };
            assert_eq!(text(PieceKind::Insert), before);
            assert_eq!(text(PieceKind::Delete), after);
        }
    }
}
