//! Bringing two changes of the same text together. Pure. Texts are merged word by word, so that two
//! editors of one paragraph rarely meet; where they do, what is stored stands and both are named.

use std::collections::HashMap;

use inkstone_domain::content::{Article, ArticleText};
use serde_json::Value;
use similar::{MergeResolution, TextMerge};

use super::{ArticlePatch, ExtrasPatch};

/// What two changes come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The revision it is a change of.
    pub revision: u64,
    /// The fields that the caller named, with the changes of both.
    pub patch: ArticlePatch,
    /// Where both changed the same; the patch has what is stored.
    pub conflicts: Vec<MergeConflict>,
}

/// Something that both changed, each to something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeConflict {
    /// As on the wire.
    pub field: &'static str,
    /// Where `stored` begins in the merged text, in characters.
    pub at: usize,
    pub base: String,
    pub stored: String,
    pub yours: String,
}

/// What `patch`, made on `base`, comes to on the stored article.
pub fn merge(base: &ArticleText, stored: &Article, patch: ArticlePatch) -> Merged {
    let mut conflicts = Vec::new();
    let text = &stored.text;
    let mut words = |field, base: &str, stored: &str, yours: Option<String>| {
        yours.map(|yours| merge_words(field, base, stored, &yours, &mut conflicts))
    };
    let title = words("title", &base.title, &text.title, patch.title);
    let summary = words("summary", &base.summary, &text.summary, patch.summary);
    let body = words("body", &base.body, &text.body, patch.body);
    let meta_description = words(
        "meta_description",
        &base.meta_description,
        &text.meta_description,
        patch.meta_description,
    );
    let mut whole = |field, base: &str, stored: &str, yours: &str| {
        let is_conflict = stored != base && yours != base && stored != yours;
        if is_conflict {
            conflicts.push(MergeConflict {
                field,
                at: 0,
                base: base.to_owned(),
                stored: stored.to_owned(),
                yours: yours.to_owned(),
            });
        }
        // Whether what is stored stands.
        is_conflict || yours == base
    };
    let language = patch.language.map(|yours| {
        match whole("language", &base.language, &text.language, &yours) {
            true => text.language.clone(),
            false => yours,
        }
    });
    let status = patch.status.map(|yours| {
        let words = [base.status, text.status, yours].map(|status| status.as_str());
        match whole("status", words[0], words[1], words[2]) {
            true => text.status,
            false => yours,
        }
    });
    let (old, new) = (&base.extras, &text.extras);
    let wished = patch.extras;
    let mut one = |field, base: &str, stored: &str, yours: Option<String>| {
        yours.map(|yours| match whole(field, base, stored, &yours) {
            true => stored.to_owned(),
            false => yours,
        })
    };
    let cover = one("cover", &old.cover, &new.cover, wished.cover);
    let meta_title = one(
        "meta_title",
        &old.meta_title,
        &new.meta_title,
        wished.meta_title,
    );
    let canonical_url = one(
        "canonical_url",
        &old.canonical_url,
        &new.canonical_url,
        wished.canonical_url,
    );
    let content_type = one(
        "content_type",
        &old.content_type,
        &new.content_type,
        wished.content_type,
    );
    let no_index = wished.no_index.map(|yours| {
        let words = [old, new].map(|extras| extras.no_index.to_string());
        match whole("no_index", &words[0], &words[1], &yours.to_string()) {
            true => new.no_index,
            false => yours,
        }
    });
    let fields = wished.fields.map(|yours| {
        let texts =
            [&old.fields, &new.fields, &yours].map(|it| Value::Object(it.clone()).to_string());
        match whole("fields", &texts[0], &texts[1], &texts[2]) {
            true => new.fields.clone(),
            false => yours,
        }
    });
    let lists = |base: &[String], stored: &[String], yours: Option<Vec<String>>| {
        yours.map(|yours| merge_lists(base, stored, &yours))
    };
    let extras = ExtrasPatch {
        categories: lists(&old.categories, &new.categories, wished.categories),
        authors: lists(&old.authors, &new.authors, wished.authors),
        cover,
        meta_title,
        canonical_url,
        no_index,
        content_type,
        fields,
    };
    Merged {
        revision: stored.revision,
        patch: ArticlePatch {
            title,
            summary,
            body,
            meta_description,
            language,
            status,
            tags: lists(&base.tags, &text.tags, patch.tags),
            // Revisions do not keep it, so nobody can tell who changed it.
            slug: patch.slug,
            publish_at: patch.publish_at,
            extras,
        },
        conflicts,
    }
}

fn merge_words(
    field: &'static str,
    base: &str,
    stored: &str,
    yours: &str,
    conflicts: &mut Vec<MergeConflict>,
) -> String {
    let texts = [base, stored, yours].map(words_of);
    let [base_words, stored_words, your_words] = &texts;
    // The library merges by lines, so each word becomes a number on a line of its own.
    let mut numbers = HashMap::new();
    let [base_lines, stored_lines, your_lines] =
        [base_words, stored_words, your_words].map(|words| {
            let lines = words.iter().map(|word| {
                let next = numbers.len();
                format!("{}\n", numbers.entry(*word).or_insert(next))
            });
            lines.collect::<String>()
        });
    let merge = TextMerge::from_lines(&base_lines, &stored_lines, &your_lines);
    let mut merged = String::with_capacity(stored.len().max(yours.len()));
    let mut chars = 0;
    for region in merge.regions() {
        let stored = stored_words[region.ours_range()].concat();
        let yours = your_words[region.theirs_range()].concat();
        let kept = match region.resolution() {
            MergeResolution::Theirs => yours,
            MergeResolution::Conflict => {
                conflicts.push(MergeConflict {
                    field,
                    at: chars,
                    base: base_words[region.base_range()].concat(),
                    stored: stored.clone(),
                    yours,
                });
                stored
            }
            _ => stored,
        };
        chars += kept.chars().count();
        merged.push_str(&kept);
    }
    merged
}

/// Words with the white space behind them; together they are the text.
fn words_of(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut was_space = false;
    for (at, c) in text.char_indices() {
        if was_space && !c.is_whitespace() {
            words.push(&text[start..at]);
            start = at;
        }
        was_space = c.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// What is stored, without what the caller took out, and with what they put in.
fn merge_lists(base: &[String], stored: &[String], yours: &[String]) -> Vec<String> {
    let kept = stored
        .iter()
        .filter(|item| yours.contains(item) || !base.contains(item));
    let added = yours
        .iter()
        .filter(|item| !base.contains(item) && !stored.contains(item));
    kept.chain(added).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "The moon pulls the sea.\n\nTwice a day it comes, twice it goes.\n";

    fn merged(base: &str, stored: &str, yours: &str) -> (String, Vec<MergeConflict>) {
        let mut conflicts = Vec::new();
        let text = merge_words("body", base, stored, yours, &mut conflicts);
        (text, conflicts)
    }

    #[test]
    fn changes_in_one_paragraph_come_together() {
        let stored = BASE.replace("moon", "full moon");
        let yours = BASE.replace("sea.", "whole sea.").replace("goes", "leaves");
        let (text, conflicts) = merged(BASE, &stored, &yours);
        assert_eq!(
            text,
            "The full moon pulls the whole sea.\n\nTwice a day it comes, twice it leaves.\n"
        );
        assert_eq!(conflicts, []);
    }

    #[test]
    fn where_both_changed_the_same_the_stored_stands_and_both_are_told() {
        let stored = BASE.replace("moon", "sun");
        let yours = BASE.replace("moon", "wind").replace("goes", "leaves");
        let (text, conflicts) = merged(BASE, &stored, &yours);
        assert_eq!(text, stored.replace("goes", "leaves"));
        let [conflict] = conflicts.as_slice() else {
            panic!("one conflict, not {conflicts:?}");
        };
        assert_eq!(
            (
                conflict.base.as_str(),
                conflict.stored.as_str(),
                conflict.yours.as_str()
            ),
            ("moon ", "sun ", "wind ")
        );
        assert_eq!(conflict.at, 4);
    }

    #[test]
    fn simple_cases() {
        for (base, stored, yours, want, conflicts) in [
            ("a b c", "a b c", "a B c", "a B c", 0),
            ("a b c", "a B c", "a b c", "a B c", 0),
            ("a b c", "a B c", "a B c", "a B c", 0),
            ("a b c", "b c", "a b c d", "b c d", 0),
            ("a b c ", "b c ", "a b c d", "b c d", 0),
            ("a b c", "", "a b c", "", 0),
            ("", "a", "a", "a", 0),
            ("", "a", "b", "a", 1),
            ("", "", "", "", 0),
        ] {
            let (text, found) = merged(base, stored, yours);
            assert_eq!(
                (text.as_str(), found.len()),
                (want, conflicts),
                "{base:?} {stored:?} {yours:?}"
            );
        }
    }

    #[test]
    fn lists_take_what_both_added_and_leave_what_either_took_out() {
        let list = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let merged = merge_lists(&list("a b c"), &list("a c d"), &list("b c e"));
        assert_eq!(merged, list("c d e"));
    }

    #[test]
    fn words_are_the_text() {
        for text in ["", " ", "a", " a  b\n\nc ", "ä\u{a0}ö"] {
            assert_eq!(words_of(text).concat(), text);
        }
    }
}
