//! What words find and what meaning finds, as one list. Pure: two lists of things in their order, and what each of
//! them counts.

use std::collections::HashMap;
use std::hash::Hash;

use inkstone_domain::search::Fusion;

/// Of reciprocal rank fusion: how little it matters who is first and who is second. Cormack, Clarke and Büttcher found
/// 60 to do well everywhere (2009).
const RANK_BASE: f32 = 60.0;

/// A thing that one list has, and how well it matches there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ranked<T> {
    pub what: T,
    pub score: f32,
}

/// Best first, each once, with a score from 0 to 1. `ratio` is what meaning counts; words count the rest. Of what
/// matches as well, what words find comes first.
pub(crate) fn fuse<T: Copy + Eq + Hash>(
    fusion: Fusion,
    ratio: f32,
    words: &[Ranked<T>],
    meaning: &[Ranked<T>],
) -> Vec<Ranked<T>> {
    let mut order: Vec<Ranked<T>> = Vec::with_capacity(words.len() + meaning.len());
    let mut places: HashMap<T, usize> = HashMap::new();
    for (list, share) in [(words, 1.0 - ratio), (meaning, ratio)] {
        if share <= 0.0 {
            continue;
        }
        for (one, worth) in list.iter().zip(worths(fusion, list)) {
            let place = *places.entry(one.what).or_insert_with(|| {
                order.push(Ranked {
                    what: one.what,
                    score: 0.0,
                });
                order.len() - 1
            });
            order[place].score += share * worth;
        }
    }
    order.sort_by(|one, other| other.score.total_cmp(&one.score));
    order
}

/// What each is worth in its own list, from 0 to 1.
fn worths<T>(fusion: Fusion, list: &[Ranked<T>]) -> Vec<f32> {
    match fusion {
        Fusion::Rank => (0..list.len())
            .map(|rank| (RANK_BASE + 1.0) / (RANK_BASE + 1.0 + rank as f32))
            .collect(),
        Fusion::Score => {
            let scores = || list.iter().map(|one| one.score);
            let best = scores().fold(f32::NEG_INFINITY, f32::max);
            let worst = scores().fold(f32::INFINITY, f32::min);
            let span = best - worst;
            scores()
                .map(|score| match span > 0.0 {
                    true => (score - worst) / span,
                    false => 1.0,
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(scores: &[(char, f32)]) -> Vec<Ranked<char>> {
        let ranked = |(what, score): &(char, f32)| Ranked {
            what: *what,
            score: *score,
        };
        scores.iter().map(ranked).collect()
    }

    fn order(fusion: Fusion, ratio: f32, words: &[(char, f32)], near: &[(char, f32)]) -> String {
        let fused = fuse(fusion, ratio, &list(words), &list(near));
        assert!(
            fused.iter().all(|one| (0.0..=1.0).contains(&one.score)),
            "{fused:?}"
        );
        fused.into_iter().map(|one| one.what).collect()
    }

    const WORDS: &[(char, f32)] = &[('a', 9.0), ('b', 8.5), ('c', 1.0)];
    const NEAR: &[(char, f32)] = &[('d', 0.9), ('b', 0.8), ('a', 0.1)];

    #[test]
    fn lists_become_one() {
        for (fusion, ratio, expected) in [
            // One list alone.
            (Fusion::Rank, 0.0, "abc"),
            (Fusion::Score, 0.0, "abc"),
            (Fusion::Rank, 1.0, "dba"),
            (Fusion::Score, 1.0, "dba"),
            // What both have, by rank: `b` is second twice, `a` first and third.
            (Fusion::Rank, 0.5, "abdc"),
            (Fusion::Rank, 0.9, "badc"),
            // By score `a` is last of what is near, and `d` first.
            (Fusion::Score, 0.5, "badc"),
            (Fusion::Score, 0.9, "dbac"),
            (Fusion::Score, 0.1, "badc"),
        ] {
            let fused = order(fusion, ratio, WORDS, NEAR);
            assert_eq!(fused, expected, "{fusion:?} {ratio}");
        }
    }

    #[test]
    fn lists_of_none_and_of_one() {
        for fusion in [Fusion::Rank, Fusion::Score] {
            assert_eq!(order(fusion, 0.5, &[], &[]), "");
            assert_eq!(order(fusion, 0.5, &[('a', 3.0)], &[]), "a");
            assert_eq!(order(fusion, 0.5, &[], &[('b', 0.3)]), "b");
            assert_eq!(order(fusion, 0.5, &[('a', 3.0)], &[('b', 0.3)]), "ab");
            let same = [('a', 2.0), ('b', 2.0)];
            assert_eq!(order(fusion, 0.5, &same, &same), "ab");
        }
    }

    #[test]
    fn the_best_of_both_has_everything() {
        let fused = fuse(
            Fusion::Rank,
            0.3,
            &list(&[('a', 1.0)]),
            &list(&[('a', 1.0)]),
        );
        assert_eq!(fused.len(), 1);
        assert!((fused[0].score - 1.0).abs() < 1e-6);
    }
}
