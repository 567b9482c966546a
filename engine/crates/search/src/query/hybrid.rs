//! What meaning finds, beside what words find: where both are asked for, they become one list.

use std::collections::HashMap;
use std::ops::Range;

use inkstone_domain::search::{Meaning, SearchQuery};
use tantivy::DocAddress;
use tantivy::query::{BooleanQuery, Occur, Query};

use super::filter;
use super::rank::Ranked;
use super::search::Searching;
use super::sweep::Candidate;
use crate::error::SearchError;
use crate::vectors::fuse::{self, fuse};
use crate::vectors::{NearText, Vectors};

/// A text in the list that is shown.
pub(super) struct Placed {
    pub ranked: Ranked,
    /// By which it stands where it stands.
    pub score: f32,
    pub near: Option<NearText>,
}

/// What meaning finds, nearest first, and what it counts.
pub(super) struct Near<'q> {
    meaning: &'q Meaning,
    texts: Vec<NearText>,
}

impl Placed {
    /// Where words alone count.
    pub(super) fn by_words(ranked: Vec<Ranked>) -> Vec<Self> {
        let ranked = ranked.into_iter();
        ranked
            .map(|ranked| Self {
                score: ranked.candidate.score,
                ranked,
                near: None,
            })
            .collect()
    }
}

impl Searching {
    /// `None` where meaning does not count, or cannot.
    pub(super) fn near<'q>(
        &self,
        query: &'q SearchQuery,
        filter: Option<&dyn Query>,
        vectors: Option<&Vectors>,
    ) -> Result<Option<Near<'q>>, SearchError> {
        let (Some(meaning), Some(vectors), None) = (&query.meaning, vectors, query.shape.sort)
        else {
            return Ok(None);
        };
        let texts = vectors.nearest(&self.searcher, &self.fields, filter, meaning)?;
        Ok(texts.map(|texts| Near { meaning, texts }))
    }

    /// A query of all that is in the list: what has the words, where they count, and what is near.
    pub(super) fn found(&self, near: &Near<'_>, words: Box<dyn Query>) -> Box<dyn Query> {
        let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        if near.meaning.ratio < 1.0 {
            parts.push((Occur::Should, words));
        }
        for text in &near.texts {
            let id = filter::term(self.fields.id, &text.id.to_string());
            parts.push((Occur::Should, id));
        }
        Box::new(BooleanQuery::new(parts))
    }

    /// The piece in the body, where the index has the revision that was embedded.
    pub(super) fn piece(
        &self,
        address: DocAddress,
        body: &str,
        near: &NearText,
    ) -> Result<Option<Range<usize>>, SearchError> {
        let segment = self.searcher.segment_reader(address.segment_ord);
        let revisions = segment.fast_fields().u64("revision")?;
        let is_same = revisions.first(address.doc_id) == Some(near.revision);
        let piece = near.piece.clone();
        Ok((is_same && body.get(piece.clone()).is_some()).then_some(piece))
    }
}

impl Near<'_> {
    /// Both lists as one.
    pub(super) fn fused(&self, words: Vec<Ranked>) -> Vec<Placed> {
        let of_words: Vec<fuse::Ranked<DocAddress>> = words
            .iter()
            .map(|one| fuse::Ranked {
                what: one.candidate.address,
                score: one.candidate.score,
            })
            .collect();
        let of_meaning: Vec<fuse::Ranked<DocAddress>> = self
            .texts
            .iter()
            .map(|one| fuse::Ranked {
                what: one.address,
                score: one.similarity,
            })
            .collect();
        let Meaning { fusion, ratio, .. } = *self.meaning;
        let mut words: HashMap<DocAddress, Ranked> = words
            .into_iter()
            .map(|one| (one.candidate.address, one))
            .collect();
        let mut near: HashMap<DocAddress, &NearText> =
            self.texts.iter().map(|one| (one.address, one)).collect();
        let fused = fuse(fusion, ratio, &of_words, &of_meaning).into_iter();
        fused
            .map(|one| {
                let unranked = || {
                    Ranked::unranked(Candidate {
                        score: 0.0,
                        address: one.what,
                        words: 0,
                    })
                };
                Placed {
                    ranked: words.remove(&one.what).unwrap_or_else(unranked),
                    score: one.score,
                    near: near.remove(&one.what).cloned(),
                }
            })
            .collect()
    }
}
