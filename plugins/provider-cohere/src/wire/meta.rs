//! What a call was billed, as `meta` of an answer tells it. The API counts in decimals.

use serde::Deserialize;

/// `meta`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MetaBody {
    pub billed_units: Option<UnitsBody>,
}

/// Tokens and searches.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct UnitsBody {
    pub input_tokens: Option<f64>,
    pub output_tokens: Option<f64>,
    pub search_units: Option<f64>,
}

impl MetaBody {
    /// Tokens read.
    pub fn input_tokens(&self) -> u64 {
        count(self.billed_units.and_then(|units| units.input_tokens))
    }

    /// Searches made: one for each query with up to a hundred documents.
    pub fn search_units(&self) -> u64 {
        count(self.billed_units.and_then(|units| units.search_units))
    }
}

/// What is missing is 0, and so is what is no count: a cast from a float stops at the ends of the range.
pub fn count(number: Option<f64>) -> u64 {
    number.unwrap_or_default().round() as u64
}
