//! Pieces of texts with their vectors: for each model one set, side by side.

use chrono::{DateTime, Utc};

use crate::ids::ArticleId;

/// A piece of an article's body.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// Where it begins in the body, bytes.
    pub start: usize,
    /// Where it ends, bytes.
    pub end: usize,
    /// SHA-256 of the model's name and of the text that was embedded, which has more than the piece in it; hex.
    pub digest: String,
    pub vector: Vec<f32>,
}

/// All pieces of a revision of an article, as one model embedded them.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedArticle {
    pub article: ArticleId,
    /// `provider/model`.
    pub model: String,
    pub revision: u64,
    /// In the order of the text; none of an article that is gone, or that the model would not take.
    pub chunks: Vec<Chunk>,
}

/// Which revision of an article a model has embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedStamp {
    pub article: ArticleId,
    pub revision: u64,
    /// By the database's clock.
    pub changed_at: DateTime<Utc>,
}

/// The vector with length 1, so that a product is a cosine. `None` for one that has no direction.
pub fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let square: f64 = vector.iter().map(|it| f64::from(*it).powi(2)).sum();
    let length = square.sqrt();
    if !length.is_normal() {
        return None;
    }
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    Some(vector)
}

/// The product of two vectors; of those with length 1 it is the cosine of the angle between them.
pub fn product(one: &[f32], other: &[f32]) -> f32 {
    // Sums side by side, so that the compiler may use wide registers.
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (ones, rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    for (ones, others) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += ones[lane] * others[lane];
        }
    }
    let rest: f32 = rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_become_as_long_as_one() {
        assert_eq!(unit(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
        for none in [vec![], vec![0.0, 0.0], vec![f32::NAN], vec![f32::INFINITY]] {
            assert_eq!(unit(none), None);
        }
    }

    #[test]
    fn products_of_any_length() {
        let one: Vec<f32> = (0..37).map(|at| at as f32).collect();
        let expected: f32 = one.iter().map(|it| it * it).sum();
        assert_eq!(product(&one, &one), expected);
        assert_eq!(product(&[], &[]), 0.0);
    }
}
