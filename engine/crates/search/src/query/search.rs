//! A query from beginning to end. Blocking: run it on a blocking thread.

use std::collections::HashSet;

use inkstone_domain::content::Status;
use inkstone_domain::search::{
    Direction, FoundAt, Hit, Ranking, SearchFacet, SearchOrder, SearchPage, SearchQuery,
    SearchSort, SemanticUse, Suggestion, Visibility,
};
use tantivy::query::Query;
use tantivy::schema::{Field, Value};
use tantivy::{DocAddress, Searcher, TantivyDocument};

use super::hybrid::Placed;
use super::plan::Plan;
use super::rank::{self, Ranked};
use super::show::Passage;
use super::sweep::{Candidate, Swept, Wish, sweep};
use super::vocabulary::Vocabulary;
use super::{facets, filter, find, show, suggest};
use crate::error::SearchError;
use crate::schema::Fields;
use crate::text::pieces;
use crate::vectors::Vectors;

/// So many of the best are ordered by the rules, whatever the page, so that pages fit together.
const RANKED: usize = 100;
/// So many of the best are grouped by `distinct`.
const GROUPED: usize = 1_000;
const NEWEST: SearchSort = SearchSort {
    by: SearchOrder::UpdatedAt,
    direction: Direction::Descending,
};

/// The index as it was at one moment.
pub(crate) struct Searching {
    pub searcher: Searcher,
    pub fields: Fields,
}

impl Searching {
    /// `vectors` are those of the moment, where there are any.
    pub(crate) fn run(
        &self,
        query: &SearchQuery,
        vectors: Option<&Vectors>,
    ) -> Result<SearchPage, SearchError> {
        let filter = filter::of(&self.searcher, &self.fields, query)?;
        let filter = filter.as_deref();
        let near = self.near(query, filter, vectors)?;
        let language = query.shape.language.as_deref();
        let visible = filter::visible(
            &self.searcher,
            &self.fields,
            &query.visibility,
            &query.kinds,
        )?;
        let vocabulary =
            Vocabulary::new(&self.searcher, &self.fields, language, visible.as_deref())?;
        let plan = Plan::new(self.fields, query, &vocabulary)?;

        let sort = query.shape.sort.or(plan.is_everything().then_some(NEWEST));
        let wanted = query.offset + query.limit;
        let depth = match query.shape.distinct {
            Some(_) => wanted.max(GROUPED),
            None => wanted,
        };
        let wants_all = query.shape.distinct.is_some() || !query.shape.facets.is_empty();
        let order = plan.by_need(query.shape.matching);
        let swept = match sort {
            // All is found by something else than words, and in no order of theirs.
            Some(_) if order.is_empty() => self.unswept(&plan, filter, wants_all)?,
            _ => {
                let wish = Wish {
                    depth: depth.max(RANKED),
                    all: wants_all,
                    ..Wish::of(query.shape.matching, order.len(), wanted)
                };
                let texts = &vocabulary.texts;
                sweep(&self.searcher, texts, &plan, &order, filter, &wish)?
            }
        };
        let required = &order[..swept.required];
        let ranked = match sort {
            Some(sort) => {
                let all = filter::within(plan.query(required), filter);
                self.unranked(find::sorted(&self.searcher, &*all, sort, depth)?)
            }
            None => {
                let mut best = swept.best;
                let rest = best.split_off(best.len().min(RANKED));
                // Groups and the ranks of two lists are made of all of them.
                let wanted = match query.shape.distinct.is_some() || near.is_some() {
                    true => usize::MAX,
                    false => wanted,
                };
                let mut ranked = rank::rank(self, &vocabulary, &plan, best, wanted)?;
                ranked.extend(self.unranked(rest));
                ranked
            }
        };
        let (mut placed, total, all) = match &near {
            None => (Placed::by_words(ranked), swept.total, swept.all),
            Some(near) => {
                let found = self.found(near, plan.query(required));
                let (total, all) = self.counted(found, filter, wants_all)?;
                (near.fused(ranked), total, all)
            }
        };
        let total = match query.shape.distinct {
            None => total,
            Some(facet) => {
                placed = self.distinct(placed, facet)?;
                facets::groups(&self.searcher, &all, facet)?
            }
        };
        let facets = match query.shape.facets.is_empty() {
            true => Vec::new(),
            false => facets::count(&self.searcher, &all, &query.shape.facets)?,
        };
        let page: Vec<Placed> = placed
            .into_iter()
            .skip(query.offset)
            .take(query.limit)
            .collect();
        Ok(SearchPage {
            hits: self.hits(page, &vocabulary, &plan, query, sort.is_some())?,
            total,
            facets,
            did_you_mean: did_you_mean(&query.text, &plan.corrections),
            semantic: query.meaning.as_ref().map(|_| match near {
                Some(_) => SemanticUse::Used,
                None => SemanticUse::Unavailable,
            }),
        })
    }

    pub(crate) fn suggest(
        &self,
        typed: &str,
        visibility: &Visibility,
        limit: usize,
    ) -> Result<Vec<Suggestion>, SearchError> {
        suggest::suggest(&self.searcher, &self.fields, typed, visibility, limit)
    }

    /// What there is without any words to sweep for.
    fn unswept(
        &self,
        plan: &Plan,
        filter: Option<&dyn Query>,
        wants_all: bool,
    ) -> Result<Swept, SearchError> {
        let (total, all) = self.counted(plan.query(&[]), filter, wants_all)?;
        Ok(Swept {
            required: 0,
            total,
            best: Vec::new(),
            all,
        })
    }

    /// How much a query finds, and all of it where it is wanted.
    fn counted(
        &self,
        query: Box<dyn Query>,
        filter: Option<&dyn Query>,
        wants_all: bool,
    ) -> Result<(usize, Vec<DocAddress>), SearchError> {
        if wants_all {
            let all = find::all(&self.searcher, query, filter)?;
            return Ok((all.len(), all));
        }
        Ok((find::count(&self.searcher, query, filter)?, Vec::new()))
    }

    fn unranked(&self, candidates: Vec<Candidate>) -> Vec<Ranked> {
        candidates.into_iter().map(Ranked::unranked).collect()
    }

    /// The best of each group, in their order.
    fn distinct(
        &self,
        placed: Vec<Placed>,
        facet: SearchFacet,
    ) -> Result<Vec<Placed>, SearchError> {
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for one in placed {
            let value = facets::value_of(&self.searcher, facet, one.ranked.candidate.address)?;
            if value.is_none_or(|value| seen.insert(value)) {
                kept.push(one);
            }
        }
        Ok(kept)
    }

    fn hits(
        &self,
        page: Vec<Placed>,
        vocabulary: &Vocabulary<'_>,
        plan: &Plan,
        query: &SearchQuery,
        is_sorted: bool,
    ) -> Result<Vec<Hit>, SearchError> {
        let shape = &query.shape;
        let shows_matches = shape.highlight || shape.crop_words > 0 || query.places;
        let is_known = |one: &Placed| one.ranked.is_looked_at;
        let looked_at = match !shows_matches || page.iter().all(is_known) {
            true => page,
            false => {
                let candidates = page.iter().map(|one| one.ranked.candidate).collect();
                let looked = rank::look(self, vocabulary, &plan.words, candidates)?;
                let pairs = looked.into_iter().zip(page);
                pairs
                    .map(|(ranked, one)| Placed { ranked, ..one })
                    .collect()
            }
        };
        let hits = looked_at
            .into_iter()
            .map(|one| self.hit(one, query, is_sorted));
        hits.collect()
    }

    fn hit(
        &self,
        placed: Placed,
        query: &SearchQuery,
        is_sorted: bool,
    ) -> Result<Hit, SearchError> {
        let Placed {
            ranked,
            score,
            near,
        } = placed;
        let document: TantivyDocument = self.searcher.doc(ranked.candidate.address)?;
        let fields = &self.fields;
        let text = |field: Field, name: &'static str| {
            document
                .get_first(field)
                .and_then(|value| value.as_str())
                .ok_or(SearchError::Document(name))
        };
        let title = text(fields.stored_title, "title")?;
        let body = text(fields.stored_body, "body")?;
        let summary = text(fields.stored_summary, "summary")?;
        let id = text(fields.id, "id")?;
        let status = text(fields.status, "status").ok();
        let conversation = text(fields.conversation, "conversation").ok();
        let shape = &query.shape;
        let matches = match shape.highlight || shape.crop_words > 0 {
            true => ranked.places.all(),
            false => Vec::new(),
        };
        let starts = ranked.starts;
        let end_of = |start: u32| matches.partition_point(|position| *position < start);
        let (in_title, rest) = matches.split_at(end_of(starts.summary));
        let in_summary = &rest[..end_of(starts.tags) - in_title.len()];
        let in_body = &matches[end_of(starts.body)..];
        let piece = match &near {
            Some(near) => self.piece(ranked.candidate.address, body, near)?,
            None => None,
        };
        let found_at = match query.places {
            true => FoundAt {
                words: show::places(body, starts.body, ranked.places.by_word()),
                near: piece.clone(),
            },
            false => FoundAt::default(),
        };
        let shown = match shape.crop_words {
            0 => Passage::default(),
            crop => {
                let mut shown = show::crop(body, starts.body, in_body, crop);
                if body.is_empty() || (shown.matches == 0 && !in_summary.is_empty()) {
                    shown = show::crop(summary, starts.summary, in_summary, crop);
                }
                match piece {
                    Some(piece) if shown.matches == 0 => show::beginning(body, piece, crop),
                    _ => shown,
                }
            }
        };
        let (title_html, snippet_html) = match shape.highlight {
            true => (show::whole(title, 0, in_title).html, shown.html),
            false => (String::new(), String::new()),
        };
        Ok(Hit {
            id: id.parse().map_err(|_| SearchError::Document("id"))?,
            project: text(fields.project, "project")?.to_owned(),
            status: status.and_then(Status::named),
            conversation: conversation.and_then(|id| id.parse().ok()),
            tags: document
                .get_all(fields.tag)
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
            title: title.to_owned(),
            title_html,
            snippet_html,
            snippet: shown.text,
            score,
            found_at,
            ranking: (!is_sorted).then(|| Ranking {
                similarity: near.map(|near| near.similarity),
                ..ranked.ranking
            }),
        })
    }
}

/// What was typed, with the words replaced that nobody wrote.
fn did_you_mean(typed: &str, corrections: &[(String, String)]) -> Option<String> {
    let mut meant = String::with_capacity(typed.len());
    let mut copied = 0;
    for piece in pieces(typed) {
        let correction = corrections.iter().find(|(word, _)| word == piece.text);
        if let Some((_, correction)) = correction {
            meant.push_str(&typed[copied..piece.start]);
            meant.push_str(correction);
            copied = piece.end;
        }
    }
    meant.push_str(&typed[copied..]);
    (copied > 0).then_some(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_replaced_where_they_stand() {
        let corrections = [("tidal".to_owned(), "title".to_owned())];
        let meant = |typed| did_you_mean(typed, &corrections);
        assert_eq!(meant("tidally (tidal)"), Some("tidally (title)".to_owned()));
        assert_eq!(meant("tidally"), None);
        assert_eq!(did_you_mean("tidal", &[]), None);
    }
}
