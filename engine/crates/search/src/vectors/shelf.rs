//! All vectors of one model, in memory, by slot. They are compared one by one as long as that is quick: it is exact and
//! needs nothing. Of many more the graph knows the way to the nearest, and what it finds is measured again with the
//! whole vectors.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use chrono::{DateTime, Utc};
use inkstone_domain::chunks::{EmbeddedArticle, product};

use super::graph::Graph;
use super::places::Allowed;

/// Up to so many are compared one by one: it takes some milliseconds, and the graph would not take less.
const EXACT: usize = 100_000;
/// Where fewer than one in so many are allowed, the graph takes long to find them, and comparing does not.
const SELECTIVE: usize = 5;
/// What the graph is asked for, for each that is wanted: it measures with a byte for each number.
const WIDER: usize = 4;

/// Vectors of one model.
pub(super) struct Shelf {
    pub model: String,
    /// Of each vector; 0 before the first.
    dimensions: usize,
    /// By article number.
    held: Vec<Option<Held>>,
    slots: Vec<Slot>,
    /// Numbers of `slots` one after the other.
    vectors: Vec<f32>,
    /// Slots of nobody.
    free: Vec<u32>,
    graph: Option<Graph>,
    /// Slots that the graph does not know yet.
    unlinked: VecDeque<u32>,
    /// From so many slots on there is a graph.
    exact_below: usize,
}

/// What there is of an article.
struct Held {
    revision: u64,
    changed_at: DateTime<Utc>,
    slots: Vec<u32>,
}

/// Whose vector it is, and of which piece of the body.
#[derive(Clone)]
struct Slot {
    article: u32,
    piece: Range<u32>,
    is_linked: bool,
}

/// Of no article.
const FREE: Slot = Slot {
    article: u32::MAX,
    piece: 0..0,
    is_linked: false,
};

/// The piece of an article that is nearest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Nearest {
    pub article: u32,
    /// The revision that was embedded.
    pub revision: u64,
    /// Bytes of the body.
    pub piece: Range<usize>,
    /// Cosine.
    pub similarity: f32,
}

impl Shelf {
    pub(super) fn new(model: String) -> Self {
        Self {
            model,
            dimensions: 0,
            held: Vec::new(),
            slots: Vec::new(),
            vectors: Vec::new(),
            free: Vec::new(),
            graph: None,
            unlinked: VecDeque::new(),
            exact_below: EXACT,
        }
    }

    pub(super) fn has(&self, article: u32, changed_at: DateTime<Utc>) -> bool {
        let held = self.held_of(article);
        held.is_some_and(|held| held.changed_at == changed_at)
    }

    /// Articles that have something, and vectors.
    pub(super) fn size(&self) -> (usize, usize) {
        let articles = self.held.iter().flatten().count();
        (articles, self.slots.len() - self.free.len())
    }

    fn held_of(&self, article: u32) -> Option<&Held> {
        self.held.get(article as usize)?.as_ref()
    }

    /// In place of what there is of the article. Vectors that are as long as no other are left out.
    pub(super) fn put(
        &mut self,
        article: u32,
        changed_at: DateTime<Utc>,
        embedded: EmbeddedArticle,
    ) {
        self.remove(article);
        let mut slots = Vec::with_capacity(embedded.chunks.len());
        for chunk in &embedded.chunks {
            if self.dimensions == 0 {
                self.dimensions = chunk.vector.len();
            }
            if chunk.vector.len() != self.dimensions {
                tracing::warn!(article = %embedded.article, model = self.model, "a vector has another length than the others");
                continue;
            }
            let piece = chunk.start as u32..chunk.end as u32;
            slots.push(self.place(article, piece, &chunk.vector));
        }
        let held = Held {
            revision: embedded.revision,
            changed_at,
            slots,
        };
        if self.held.len() <= article as usize {
            self.held.resize_with(article as usize + 1, || None);
        }
        self.held[article as usize] = Some(held);
    }

    pub(super) fn remove(&mut self, article: u32) {
        let held = self.held.get_mut(article as usize);
        let Some(held) = held.and_then(Option::take) else {
            return;
        };
        for slot in held.slots {
            let was = std::mem::replace(&mut self.slots[slot as usize], FREE);
            if was.is_linked
                && let Some(graph) = &mut self.graph
                && let Err(error) = graph.remove(slot)
            {
                // It stays a way to others, and is nobody's.
                tracing::warn!(?error, "a vector could not be taken out of the graph");
            }
            self.free.push(slot);
        }
    }

    fn place(&mut self, article: u32, piece: Range<u32>, vector: &[f32]) -> u32 {
        let slot = Slot {
            article,
            piece,
            is_linked: false,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                let range = self.range(at);
                self.vectors[range].copy_from_slice(vector);
                at
            }
            None => {
                self.slots.push(slot);
                self.vectors.extend_from_slice(vector);
                self.slots.len() as u32 - 1
            }
        };
        self.unlinked.push_back(at);
        at
    }

    fn range(&self, slot: u32) -> Range<usize> {
        let start = slot as usize * self.dimensions;
        start..start + self.dimensions
    }

    /// Lets the graph know up to so many more; whether there may be others.
    pub(super) fn link(&mut self, most: usize) -> bool {
        if self.slots.len() <= self.exact_below {
            return false;
        }
        let mut graph = match self.graph.take() {
            Some(graph) => graph,
            None => match Graph::new(self.dimensions) {
                Ok(graph) => graph,
                Err(error) => {
                    tracing::error!(?error, "vectors are compared one by one");
                    self.exact_below = usize::MAX;
                    return false;
                }
            },
        };
        let mut linked = 0;
        while linked < most
            && let Some(slot) = self.unlinked.pop_front()
        {
            let is_held = self.slots[slot as usize].article != FREE.article;
            if !is_held || self.slots[slot as usize].is_linked {
                continue;
            }
            if let Err(error) = graph.add(slot, &self.vectors[self.range(slot)]) {
                tracing::error!(?error, "vectors are compared one by one");
                self.exact_below = usize::MAX;
                return false;
            }
            self.slots[slot as usize].is_linked = true;
            linked += 1;
        }
        self.graph = Some(graph);
        !self.unlinked.is_empty()
    }

    /// The best piece of each of the nearest articles, nearest first; at most `limit`, and of these that are allowed.
    pub(super) fn nearest(&self, vector: &[f32], allowed: &Allowed, limit: usize) -> Vec<Nearest> {
        if vector.len() != self.dimensions {
            return Vec::new();
        }
        let best = match self.by_graph(vector, allowed, limit) {
            Some(slots) => self.best_of(vector, slots),
            None => allowed
                .numbers()
                .filter_map(|article| self.best_slot(vector, &self.held_of(article)?.slots))
                .collect(),
        };
        self.first(best, limit)
    }

    /// Slots among which the nearest are, in no order. `None` where comparing is better.
    fn by_graph(&self, vector: &[f32], allowed: &Allowed, limit: usize) -> Option<Vec<u32>> {
        let graph = self.graph.as_ref()?;
        let articles = allowed.numbers().filter_map(|one| self.held_of(one));
        let count: usize = articles.map(|held| held.slots.len()).sum();
        let is_quick = count <= self.exact_below || count * SELECTIVE < self.slots.len();
        if is_quick || self.unlinked.len() > EXACT {
            return None;
        }
        let is_allowed = |slot: u32| {
            let slot = self.slots.get(slot as usize);
            slot.is_some_and(|slot| allowed.has(slot.article))
        };
        // Several pieces may be of one article.
        match graph.nearest(vector, limit * WIDER, is_allowed) {
            Ok(mut slots) => {
                let waiting = self.unlinked.iter().copied();
                slots.extend(waiting.filter(|slot| is_allowed(*slot)));
                Some(slots)
            }
            Err(error) => {
                tracing::warn!(?error, "vectors are compared one by one");
                None
            }
        }
    }

    fn best_slot(&self, vector: &[f32], slots: &[u32]) -> Option<(f32, u32)> {
        let measured = slots
            .iter()
            .map(|slot| (product(vector, &self.vectors[self.range(*slot)]), *slot));
        measured.max_by(|one, other| one.0.total_cmp(&other.0))
    }

    /// Of each article the best slot.
    fn best_of(&self, vector: &[f32], slots: Vec<u32>) -> Vec<(f32, u32)> {
        let mut by_article: HashMap<u32, Vec<u32>> = HashMap::new();
        for slot in slots {
            let article = self.slots[slot as usize].article;
            by_article.entry(article).or_default().push(slot);
        }
        let articles = by_article.values();
        articles
            .filter_map(|slots| self.best_slot(vector, slots))
            .collect()
    }

    fn first(&self, mut best: Vec<(f32, u32)>, limit: usize) -> Vec<Nearest> {
        let order = |one: &(f32, u32), other: &(f32, u32)| {
            other.0.total_cmp(&one.0).then(one.1.cmp(&other.1))
        };
        if best.len() > limit {
            best.select_nth_unstable_by(limit, order);
            best.truncate(limit);
        }
        best.sort_by(order);
        let nearest = best.into_iter().filter_map(|(similarity, slot)| {
            let Slot { article, piece, .. } = &self.slots[slot as usize];
            Some(Nearest {
                article: *article,
                revision: self.held_of(*article)?.revision,
                piece: piece.start as usize..piece.end as usize,
                similarity,
            })
        });
        nearest.collect()
    }
}

#[cfg(test)]
mod tests {
    use inkstone_domain::chunks::{Chunk, unit};
    use inkstone_domain::ids::ArticleId;

    use super::*;

    /// Numbers that look like chance, the same each time.
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f32 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 40) as f32 / (1 << 24) as f32 - 0.5
        }

        fn vector(&mut self) -> Vec<f32> {
            unit((0..32).map(|_| self.next()).collect()).unwrap()
        }
    }

    fn embedded(vectors: impl IntoIterator<Item = Vec<f32>>) -> EmbeddedArticle {
        let chunks = vectors.into_iter().enumerate().map(|(at, vector)| Chunk {
            start: at * 10,
            end: at * 10 + 10,
            digest: String::new(),
            vector,
        });
        EmbeddedArticle {
            article: ArticleId::new(),
            model: "a/b".to_owned(),
            revision: 3,
            chunks: chunks.collect(),
        }
    }

    fn shelf(articles: u32, exact_below: usize) -> Shelf {
        let mut chance = Chance(7);
        let mut shelf = Shelf::new("a/b".to_owned());
        shelf.exact_below = exact_below;
        for article in 0..articles {
            let vectors = [chance.vector(), chance.vector()];
            shelf.put(article, DateTime::UNIX_EPOCH, embedded(vectors));
        }
        while shelf.link(100) {}
        shelf
    }

    fn every(articles: u32, nth: u32) -> Allowed {
        let mut allowed = Allowed::default();
        (0..articles)
            .step_by(nth as usize)
            .for_each(|number| allowed.put(number));
        allowed
    }

    #[test]
    fn the_best_piece_of_each_article() {
        let mut shelf = Shelf::new("a/b".to_owned());
        let vectors = [vec![1.0, 0.0], vec![0.6, 0.8]];
        shelf.put(5, DateTime::UNIX_EPOCH, embedded(vectors));
        shelf.put(6, DateTime::UNIX_EPOCH, embedded([vec![0.0, 1.0]]));
        let near = shelf.nearest(&[0.8, 0.6], &every(10, 1), 10);
        assert_eq!(near.len(), 2);
        assert_eq!((near[0].article, near[0].piece.clone()), (5, 10..20));
        assert_eq!((near[0].revision, near[1].article), (3, 6));
        assert!((near[0].similarity - 0.96).abs() < 1e-6);
        assert!(
            shelf
                .nearest(&[1.0, 0.0, 0.0], &every(10, 1), 10)
                .is_empty()
        );
        // Another length is no vector of this model.
        shelf.put(7, DateTime::UNIX_EPOCH, embedded([vec![1.0]]));
        assert_eq!(shelf.size(), (3, 3));
    }

    #[test]
    fn the_graph_finds_what_comparing_finds() {
        let (plain, linked) = (shelf(2_000, usize::MAX), shelf(2_000, 0));
        assert!(plain.graph.is_none() && linked.graph.is_some());
        let mut chance = Chance(99);
        let (mut same, mut of) = (0, 0);
        for nth in [1, 2] {
            let allowed = every(2_000, nth);
            for _ in 0..50 {
                let question = chance.vector();
                let expected = plain.nearest(&question, &allowed, 10);
                assert!(linked.by_graph(&question, &allowed, 10).is_some());
                let found = linked.nearest(&question, &allowed, 10);
                assert!(found.iter().all(|one| allowed.has(one.article)));
                of += expected.len();
                same += expected.iter().filter(|one| found.contains(one)).count();
            }
        }
        assert!(same * 100 >= of * 95, "{same} of {of}");
    }

    #[test]
    fn what_is_replaced_and_removed_is_not_found() {
        for exact_below in [usize::MAX, 0] {
            let mut shelf = shelf(300, exact_below);
            let mut chance = Chance(5);
            let vector = chance.vector();
            for number in [3, 4, 3] {
                shelf.put(number, DateTime::UNIX_EPOCH, embedded([vector.clone()]));
                while shelf.link(1) {}
                assert_eq!(shelf.nearest(&vector, &every(300, 1), 1)[0].similarity, 1.0);
            }
            shelf.remove(3);
            let near = shelf.nearest(&vector, &every(300, 1), 300);
            assert_eq!(near[0].article, 4);
            assert!(near.iter().all(|one| one.article != 3));
            if exact_below > 0 {
                assert_eq!(near.len(), 299);
            }
            assert_eq!(shelf.size(), (299, 597));
            let allowed = every(300, 300);
            assert_eq!(shelf.nearest(&vector, &allowed, 10)[0].article, 0);
        }
    }
}
