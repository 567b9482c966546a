//! The terms of a field, each looked up once for a query: how many texts have it, and where its list lies in each segment.

use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, SegmentPostings, TermInfo};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{InvertedIndexReader, Searcher, Term};

use crate::error::SearchError;

pub(super) struct Terms {
    pub field: Field,
    segments: Vec<Arc<InvertedIndexReader>>,
}

/// A term that was looked up.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub text: String,
    /// Texts that have it, whoever may read them, and those that are deleted but not merged away.
    pub documents: u64,
    /// By segment.
    lists: Vec<Option<TermInfo>>,
}

impl Terms {
    pub(super) fn of(searcher: &Searcher, field: Field) -> Result<Self, SearchError> {
        let segments = searcher.segment_readers().iter();
        let segments = segments.map(|segment| segment.inverted_index(field));
        Ok(Self {
            field,
            segments: segments.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn look_up(&self, text: &str) -> Result<Listed, SearchError> {
        let term = Term::from_field_text(self.field, text);
        let mut lists = Vec::with_capacity(self.segments.len());
        for segment in &self.segments {
            lists.push(segment.get_term_info(&term)?);
        }
        let documents = lists.iter().flatten();
        Ok(Listed {
            text: text.to_owned(),
            documents: documents.map(|list| u64::from(list.doc_freq)).sum(),
            lists,
        })
    }

    /// By segment.
    pub(super) fn segments(&self) -> impl Iterator<Item = &InvertedIndexReader> {
        self.segments.iter().map(Arc::as_ref)
    }

    /// The texts of a segment that have it, one by one.
    pub(super) fn postings(
        &self,
        segment: usize,
        term: &Listed,
        option: IndexRecordOption,
    ) -> Result<Option<SegmentPostings>, SearchError> {
        let Some(list) = &term.lists[segment] else {
            return Ok(None);
        };
        let segment = &self.segments[segment];
        Ok(Some(segment.read_postings_from_terminfo(list, option)?))
    }

    /// The same block by block, with how often they have it.
    pub(super) fn blocks(
        &self,
        segment: usize,
        term: &Listed,
    ) -> Result<Option<BlockSegmentPostings>, SearchError> {
        let Some(list) = &term.lists[segment] else {
            return Ok(None);
        };
        let option = IndexRecordOption::WithFreqs;
        let segment = &self.segments[segment];
        Ok(Some(
            segment.read_block_postings_from_terminfo(list, option)?,
        ))
    }
}

impl PartialEq for Listed {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
