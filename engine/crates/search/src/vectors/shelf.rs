//! All vectors of one model, in memory, by slot. They are compared one by one: it is exact, takes some milliseconds for
//! a hundred thousand, and the less the fewer a filter allows.

use std::ops::Range;

use chrono::{DateTime, Utc};
use inkstone_domain::chunks::{EmbeddedArticle, product};

use super::places::Allowed;

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
}

/// Of no article.
const FREE: Slot = Slot {
    article: u32::MAX,
    piece: 0..0,
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
            self.slots[slot as usize] = FREE;
            self.free.push(slot);
        }
    }

    fn place(&mut self, article: u32, piece: Range<u32>, vector: &[f32]) -> u32 {
        let slot = Slot { article, piece };
        match self.free.pop() {
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
        }
    }

    fn range(&self, slot: u32) -> Range<usize> {
        let start = slot as usize * self.dimensions;
        start..start + self.dimensions
    }

    /// The best piece of each of the nearest articles, nearest first; at most `limit`, and of these that are allowed.
    pub(super) fn nearest(&self, vector: &[f32], allowed: &Allowed, limit: usize) -> Vec<Nearest> {
        if vector.len() != self.dimensions {
            return Vec::new();
        }
        let held = allowed
            .numbers()
            .filter_map(|article| self.held_of(article));
        let best = held.filter_map(|held| self.best_slot(vector, &held.slots));
        self.first(best.collect(), limit)
    }

    fn best_slot(&self, vector: &[f32], slots: &[u32]) -> Option<(f32, u32)> {
        let measured = slots
            .iter()
            .map(|slot| (product(vector, &self.vectors[self.range(*slot)]), *slot));
        measured.max_by(|one, other| one.0.total_cmp(&other.0))
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

    fn shelf(articles: u32) -> Shelf {
        let mut chance = Chance(7);
        let mut shelf = Shelf::new("a/b".to_owned());
        for article in 0..articles {
            let vectors = [chance.vector(), chance.vector()];
            shelf.put(article, DateTime::UNIX_EPOCH, embedded(vectors));
        }
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
    fn what_is_replaced_and_removed_is_not_found() {
        let mut shelf = shelf(300);
        let mut chance = Chance(5);
        let vector = chance.vector();
        for number in [3, 4, 3] {
            shelf.put(number, DateTime::UNIX_EPOCH, embedded([vector.clone()]));
            assert_eq!(shelf.nearest(&vector, &every(300, 1), 1)[0].similarity, 1.0);
        }
        shelf.remove(3);
        let near = shelf.nearest(&vector, &every(300, 1), 300);
        assert_eq!((near.len(), near[0].article), (299, 4));
        assert!(near.iter().all(|one| one.article != 3));
        assert_eq!(shelf.size(), (299, 597));
        let allowed = every(300, 300);
        assert_eq!(shelf.nearest(&vector, &allowed, 10)[0].article, 0);
    }
}
