//! How positive or negative English prose sounds, by the VADER lexicon and rules (C. J. Hutto and E. Gilbert,
//! ICWSM 2014). VADER is made for sentences, so a text is the mean of its sentences.

use vader_sentimental::SentimentIntensityAnalyzer;

use crate::prose::Sentence;

/// VADER's own border between neutral and not.
const NEUTRAL_BELOW: f64 = 0.05;
/// The analyser looks through the whole piece for every word it knows, so a sentence without an end is cut.
const LONGEST_PIECE_TOKENS: usize = 120;

/// Reads sentiment. Making one is cheap; the lexicon is read at the first sentence.
pub struct Meter(SentimentIntensityAnalyzer<'static>);

impl Meter {
    pub fn new() -> Self {
        Self(SentimentIntensityAnalyzer::new())
    }

    /// From -1, most negative, to 1.
    pub fn sentence(&self, sentence: &Sentence<'_>) -> f64 {
        let tokens: Vec<&str> = sentence.text.split_whitespace().collect();
        let pieces = tokens.chunks(LONGEST_PIECE_TOKENS);
        let scores: Vec<f64> = pieces
            .map(|piece| self.0.polarity_scores(&piece.join(" ")).compound)
            .collect();
        mean(&scores)
    }
}

/// The mean; 0, neutral, of nothing.
pub fn mean(scores: &[f64]) -> f64 {
    if scores.is_empty() {
        return 0.0;
    }
    scores.iter().sum::<f64>() / scores.len() as f64
}

/// What a score means.
pub fn in_words(score: f64) -> &'static str {
    match score {
        _ if score >= NEUTRAL_BELOW => "positive",
        _ if score <= -NEUTRAL_BELOW => "negative",
        _ => "neutral",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prose;

    fn score(text: &str) -> f64 {
        Meter::new().sentence(&prose::sentences(text)[0])
    }

    #[test]
    fn vaders_own_examples_have_their_known_scores() {
        for (text, expected) in [
            ("VADER is smart, handsome, and funny.", 0.8316),
            ("VADER is not smart, handsome, nor funny.", -0.7424),
            ("The book was good.", 0.4404),
            ("Today SUX!", -0.5461),
        ] {
            let found = score(text);
            assert!((found - expected).abs() < 0.0002, "{text}: {found}");
        }
        assert_eq!(score("The table stands in the room."), 0.0);
    }

    #[test]
    fn words_follow_the_border() {
        assert_eq!(in_words(0.05), "positive");
        assert_eq!(in_words(-0.05), "negative");
        assert_eq!(in_words(0.04), "neutral");
        assert_eq!(mean(&[]), 0.0);
    }

    #[test]
    fn endless_sentences_are_scored_in_pieces() {
        let endless = "good ".repeat(2000);
        assert!(score(&endless) > 0.9);
    }
}
