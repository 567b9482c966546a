//! What is drawn: how long the sentences are, and how sentiment and length run through the text.

use inkstone_plugin::Result;
use inkstone_plugin::analytics::{Block, Chart, Series};
use serde_json::{Value, json};

/// Words per bar of the histogram; the last bar holds everything longer.
const BAR_WORDS: usize = 5;
const BARS: usize = 9;
/// Points of a series. Where there are more paragraphs, neighbours share a point.
const MOST_POINTS: usize = 200;

/// A histogram of sentence lengths as Vega-Lite.
pub fn sentence_lengths(lengths: &[usize]) -> Result<Block> {
    let mut bars = [0_usize; BARS];
    for &length in lengths {
        bars[(length.saturating_sub(1) / BAR_WORDS).min(BARS - 1)] += 1;
    }
    let values: Vec<Value> = bars
        .iter()
        .enumerate()
        .map(|(at, count)| json!({ "words": label(at), "sentences": count }))
        .collect();
    let spec = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": "How many sentences have how many words.",
        "width": "container",
        "height": 200,
        "data": { "values": values },
        "mark": { "type": "bar", "tooltip": true },
        "encoding": {
            "x": {
                "field": "words",
                "type": "ordinal",
                "sort": null,
                "title": "Words in the sentence",
                "axis": { "labelAngle": 0 }
            },
            "y": {
                "field": "sentences",
                "type": "quantitative",
                "title": "Sentences",
                "axis": { "tickMinStep": 1, "format": "d" }
            }
        }
    });
    Ok(Chart::new("sentence-lengths", "Sentence lengths", &spec)?.into())
}

/// One value per paragraph, numbered from 1; means over neighbours where there are too many.
pub fn by_paragraph(id: &str, title: &str, values: &[f64]) -> Block {
    let share = values.len().div_ceil(MOST_POINTS).max(1);
    let points = values.chunks(share).enumerate().map(|(at, group)| {
        let first = at * share + 1;
        let last = first + group.len() - 1;
        let name = match first == last {
            true => first.to_string(),
            false => format!("{first}–{last}"),
        };
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        (name, crate::rounded(mean))
    });
    Series::new(id, title, points).into()
}

fn label(bar: usize) -> String {
    let first = bar * BAR_WORDS + 1;
    if bar == BARS - 1 {
        return format!("{first}+");
    }
    format!("{first}–{}", first + BAR_WORDS - 1)
}
