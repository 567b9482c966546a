//! Which segments become one: those of about the same size, and large ones alone, so that what was deleted takes no space for
//! ever. Small ones are merged soon anyway, and one of two texts has half of it deleted with the first change.

use std::collections::HashSet;

use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::merge_policy::{LogMergePolicy, MergeCandidate, MergePolicy};

/// Texts.
const LARGE: u32 = 10_000;
/// A large segment of whose texts more than this part was deleted is written anew.
const MOST_DELETED: f64 = 0.3;

#[derive(Debug, Default)]
pub(crate) struct Merges {
    by_size: LogMergePolicy,
}

impl MergePolicy for Merges {
    fn compute_merge_candidates(&self, segments: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let mut candidates = self.by_size.compute_merge_candidates(segments);
        let merged: HashSet<SegmentId> = candidates.iter().flat_map(|one| one.0.clone()).collect();
        let worn = segments
            .iter()
            .filter(|segment| is_worn(segment) && !merged.contains(&segment.id()));
        candidates.extend(worn.map(|segment| MergeCandidate(vec![segment.id()])));
        candidates
    }
}

fn is_worn(segment: &SegmentMeta) -> bool {
    let deleted = f64::from(segment.num_deleted_docs());
    segment.max_doc() >= LARGE && deleted > f64::from(segment.max_doc()) * MOST_DELETED
}

#[cfg(test)]
mod tests {
    use tantivy::Index;

    use super::*;
    use crate::schema;

    #[test]
    fn large_segments_with_much_deleted_are_written_anew() {
        let index = Index::create_in_ram(schema::build().0);
        let segment = |texts, deleted| {
            let id = SegmentId::generate_random();
            index
                .new_segment_meta(id, texts)
                .with_delete_meta(deleted, 0)
        };
        let merged = |segments: &[SegmentMeta]| {
            let candidates = Merges::default().compute_merge_candidates(segments);
            let ids = candidates.into_iter().map(|one| one.0);
            ids.collect::<Vec<_>>()
        };
        let (worn, fresh) = (segment(50_000, 20_000), segment(200_000, 20_000));
        let small = segment(2, 1);
        let segments = [worn.clone(), fresh, small];
        assert_eq!(merged(&segments), [vec![worn.id()]]);
        // What is merged by its size is merged once.
        let many: Vec<SegmentMeta> = (0..8).map(|_| segment(50_000, 20_000)).collect();
        assert_eq!(merged(&many).len(), 1);
    }
}
