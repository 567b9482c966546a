//! The way to the nearest of many vectors: a graph (HNSW, Malkov and Yashunin 2016) by `usearch`. It knows vectors by a
//! byte for each number; what it finds is measured again with the whole ones.

use usearch::{Index, IndexOptions, MetricKind, ScalarKind};

use crate::error::SearchError;

/// Neighbours of each vector.
const CONNECTIVITY: usize = 16;
/// How widely is looked for neighbours, and for what is asked.
const EXPANSION_ADD: usize = 128;
const EXPANSION_SEARCH: usize = 128;
/// Searches at once; one more is refused, and compares one by one.
const THREADS: usize = 64;
const FIRST_CAPACITY: usize = 65_536;

pub(super) struct Graph(Index);

impl Graph {
    pub(super) fn new(dimensions: usize) -> Result<Self, SearchError> {
        let index = Index::new(&IndexOptions {
            dimensions,
            metric: MetricKind::Cos,
            quantization: ScalarKind::I8,
            connectivity: CONNECTIVITY,
            expansion_add: EXPANSION_ADD,
            expansion_search: EXPANSION_SEARCH,
            multi: false,
        });
        let index = index.map_err(fault)?;
        let reserved = index.reserve_capacity_and_threads(FIRST_CAPACITY, THREADS);
        reserved.map_err(fault)?;
        Ok(Self(index))
    }

    /// No search may go on meanwhile.
    pub(super) fn add(&mut self, slot: u32, vector: &[f32]) -> Result<(), SearchError> {
        if self.0.size() >= self.0.capacity() {
            let more = self.0.capacity() * 2;
            let reserved = self.0.reserve_capacity_and_threads(more, THREADS);
            reserved.map_err(fault)?;
        }
        self.0.add(u64::from(slot), vector).map_err(fault)
    }

    /// No search may go on meanwhile.
    pub(super) fn remove(&mut self, slot: u32) -> Result<(), SearchError> {
        self.0.remove(u64::from(slot)).map_err(fault)?;
        Ok(())
    }

    /// Nearly the nearest `wanted` of those that are allowed, in no order.
    pub(super) fn nearest(
        &self,
        vector: &[f32],
        wanted: usize,
        is_allowed: impl Fn(u32) -> bool,
    ) -> Result<Vec<u32>, SearchError> {
        let found = self
            .0
            .filtered_search(vector, wanted, |slot| is_allowed(slot as u32));
        let found = found.map_err(fault)?;
        Ok(found.keys.into_iter().map(|slot| slot as u32).collect())
    }
}

fn fault(error: impl std::fmt::Display) -> SearchError {
    SearchError::Graph(error.to_string())
}
