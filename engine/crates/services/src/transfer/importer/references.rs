//! What articles, comments and notes say of media: where a medium has another id here than in the file, what names it is
//! brought to that id, in covers, texts and fields.

use std::collections::{BTreeMap, BTreeSet};

use inkstone_domain::Result;
use inkstone_domain::content::ArticleText;
use inkstone_domain::ids::MediaId;
use serde_json::{Map, Value};

use super::Run;
use crate::transfer::record::{ArticlePiece, ArticleRecord};

/// Of an id with its prefix.
const ID_BYTES: usize = 30;

/// Ids that are other ones here.
type Renamed = BTreeMap<String, String>;

impl Run<'_> {
    /// Brings what an article and its past say of media to what they are here.
    pub(super) async fn refer(&mut self, piece: &mut ArticlePiece) -> Result<()> {
        let mut ids = BTreeSet::new();
        each_text(piece, &mut |text| ids.extend(ids_in(text)));
        let renamed = self.renamed(ids).await?;
        if !renamed.is_empty() {
            each_text(piece, &mut |text| replace(text, &renamed));
        }
        Ok(())
    }

    /// The same with texts of other things.
    pub(super) async fn refer_texts(&mut self, texts: Vec<&mut String>) -> Result<()> {
        let ids = texts.iter().flat_map(|text| ids_in(text));
        let renamed = self.renamed(ids.collect()).await?;
        for text in texts {
            replace(text, &renamed);
        }
        Ok(())
    }

    async fn renamed(&mut self, ids: BTreeSet<MediaId>) -> Result<Renamed> {
        let mut renamed = Renamed::new();
        for id in ids {
            if let Some(here) = self.medium_here(id).await?.filter(|here| *here != id) {
                renamed.insert(id.to_string(), here.to_string());
            }
        }
        Ok(renamed)
    }

    /// The medium of this project that an id of the file means, if there is one.
    async fn medium_here(&mut self, id: MediaId) -> Result<Option<MediaId>> {
        if let Some(known) = self.known.references.get(&id) {
            return Ok(*known);
        }
        let mut here = None;
        for id in [id, self.medium_twin(id)] {
            let stored = self.powers.media.stored_file(id).await?;
            if stored.is_some_and(|media| self.is_ours(&media.project, media.owner)) {
                here = Some(id);
                break;
            }
        }
        self.known.references.insert(id, here);
        Ok(here)
    }
}

fn each_text(piece: &mut ArticlePiece, see: &mut impl FnMut(&mut String)) {
    let ArticleRecord {
        cover,
        body,
        summary,
        fields,
        ..
    } = &mut piece.record;
    for text in [cover, body, summary].into_iter().flatten() {
        see(text);
    }
    for fields in fields.iter_mut() {
        each_value(fields, see);
    }
    for revision in &mut piece.revisions {
        let ArticleText {
            summary,
            body,
            extras,
            ..
        } = &mut revision.text;
        for text in [summary, body, &mut extras.cover] {
            see(text);
        }
        each_value(&mut extras.fields, see);
    }
}

fn each_value(fields: &mut Map<String, Value>, see: &mut impl FnMut(&mut String)) {
    // A list instead of recursion: how deep fields are is for their writer to say.
    let mut left: Vec<&mut Value> = fields.values_mut().collect();
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => see(text),
            Value::Array(values) => left.extend(values),
            Value::Object(fields) => left.extend(fields.values_mut()),
            _ => {}
        }
    }
}

/// Where an id stands in a text, and which one it is.
fn places(text: &str) -> impl Iterator<Item = (usize, MediaId)> {
    let starts = text.match_indices("med_");
    starts.filter_map(|(at, _)| {
        let id = text.get(at..at + ID_BYTES)?;
        // Nothing that only begins like one, or goes on behind it.
        let goes_on = text[at + ID_BYTES..].starts_with(|next: char| next.is_ascii_alphanumeric());
        let id: MediaId = id.parse().ok().filter(|_| !goes_on)?;
        Some((at, id))
    })
}

fn ids_in(text: &str) -> Vec<MediaId> {
    places(text).map(|(_, id)| id).collect()
}

fn replace(text: &mut String, renamed: &Renamed) {
    let found: Vec<(usize, String)> = places(text)
        .filter_map(|(at, id)| Some((at, renamed.get(&id.to_string())?.clone())))
        .collect();
    // All ids are of the same length.
    for (at, here) in found {
        text.replace_range(at..at + ID_BYTES, &here);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_wherever_they_stand() {
        let (one, other) = (MediaId::new(), MediaId::new());
        let text = format!(
            "![a](/v1/media/{one}/content?variant=medium) {one}x med_ {other}. médium med_1 {one}"
        );
        assert_eq!(ids_in(&text), [one, other, one]);
        let mut changed = text.clone();
        let renamed = Renamed::from([(one.to_string(), other.to_string())]);
        replace(&mut changed, &renamed);
        let kept = format!("{one}x");
        let expected = text
            .replace(&kept, "KEPT")
            .replace(&one.to_string(), &other.to_string());
        assert_eq!(changed, expected.replace("KEPT", &kept));
        assert_eq!(ids_in("med_01ARZ3NDEKTSV4RRFFQ69G5FA"), []);
        assert_eq!(ids_in("med_01ARZ3NDEKTSV4RRFFQ69G5Fé"), []);
    }
}
