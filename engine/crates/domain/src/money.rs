//! What calls cost: amounts of money, and the price tables that providers publish.

use serde::{Deserialize, Serialize};

use crate::chat::Usage;

/// US dollars in billionths, so that sums are exact. The price of a token is a fraction of one;
/// what a call costs is rounded up once.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(pub u64);

impl Money {
    pub const ZERO: Self = Self(0);

    /// Negative amounts and what is no number are zero.
    pub fn from_usd(dollars: f64) -> Self {
        // A cast from a float stops at the ends of the range.
        Self((dollars * NANOS_PER_DOLLAR).round() as u64)
    }

    pub fn as_usd(self) -> f64 {
        self.0 as f64 / NANOS_PER_DOLLAR
    }

    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

const NANOS_PER_DOLLAR: f64 = 1e9;

/// What a provider's models cost, as its author read it off the provider's page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PriceTable {
    /// Address of the page.
    pub source: String,
    /// When it was read, RFC 3339 date.
    pub as_of: String,
    pub models: Vec<ModelPrice>,
}

/// The price of a model, or of all whose names begin alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelPrice {
    /// The provider's own name; a `*` at its end stands for any rest.
    pub model: String,
    #[serde(flatten)]
    pub price: Price,
}

/// US dollars per million tokens. Tokens read from a cache and tokens written to think are parts of
/// input and output; without a price of their own they cost as much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Price {
    #[serde(default)]
    pub input: f64,
    #[serde(default)]
    pub output: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<f64>,
    /// US dollars per thousand searches, for models that rerank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<f64>,
}

impl PriceTable {
    /// The entry that names the model, else the one with the longest beginning that fits.
    pub fn price_of(&self, model: &str) -> Option<Price> {
        let fits = |entry: &&ModelPrice| match entry.model.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning),
            None => entry.model == model,
        };
        let rank = |entry: &&ModelPrice| (!entry.model.ends_with('*'), entry.model.len());
        let found = self.models.iter().filter(fits).max_by_key(rank);
        found.map(|entry| entry.price)
    }
}

impl Price {
    /// What a call of so many tokens costs.
    pub fn of(&self, usage: &Usage, search_units: u64) -> Money {
        let cached = usage.cached_input_tokens.min(usage.input_tokens);
        let fresh = usage.input_tokens - cached;
        let millionths = fresh as f64 * self.input
            + cached as f64 * self.cached_input.unwrap_or(self.input)
            + usage.output_tokens as f64 * self.output;
        let searches = search_units as f64 * self.search.unwrap_or_default();
        // Dollars per million tokens are thousands of billionths per token. What the arithmetic of
        // floats leaves behind the thousandth of a billionth is no money.
        let nanos = millionths * 1e3 + searches * 1e6;
        Money(((nanos * 1e3).round() / 1e3).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> PriceTable {
        let entry = |model: &str, input| ModelPrice {
            model: model.to_owned(),
            price: Price {
                input,
                ..Price::default()
            },
        };
        PriceTable {
            models: vec![
                entry("gpt-4o*", 1.0),
                entry("gpt-4o-mini*", 2.0),
                entry("gpt-4o-mini", 3.0),
            ],
            ..PriceTable::default()
        }
    }

    #[test]
    fn the_most_exact_name_counts() {
        let input = |model: &str| table().price_of(model).map(|price| price.input);
        assert_eq!(input("gpt-4o-mini"), Some(3.0));
        assert_eq!(input("gpt-4o-mini-2024-07-18"), Some(2.0));
        assert_eq!(input("gpt-4o"), Some(1.0));
        assert_eq!(input("o3"), None);
    }

    #[test]
    fn cached_tokens_are_a_part_of_the_input() {
        let price = Price {
            input: 2.5,
            output: 10.0,
            cached_input: Some(1.25),
            search: None,
        };
        let usage = Usage {
            input_tokens: 1_000,
            output_tokens: 100,
            cached_input_tokens: 400,
            reasoning_tokens: 50,
        };
        // 600 × 2.5 + 400 × 1.25 + 100 × 10 millionths of a dollar.
        assert_eq!(price.of(&usage, 0), Money(3_000_000));
        assert_eq!(price.of(&usage, 0).as_usd(), 0.003);
    }

    #[test]
    fn a_part_of_a_billionth_is_rounded_up_and_noise_is_not() {
        let tokens = |input_tokens| Usage {
            input_tokens,
            ..Usage::default()
        };
        let price = |input| Price {
            input,
            ..Price::default()
        };
        assert_eq!(price(0.0375).of(&tokens(1), 0), Money(38));
        assert_eq!(price(0.1).of(&tokens(3), 0), Money(300));
        let searches = Price {
            search: Some(2.0),
            ..Price::default()
        };
        assert_eq!(searches.of(&tokens(0), 1), Money(2_000_000));
    }
}
