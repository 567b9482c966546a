//! Two things measured turn by turn, so that a change of the machine's mood meets both.

use std::time::Duration;

/// Figures of one thing, one per round.
pub struct Series {
    pub name: &'static str,
    pub values: Vec<f64>,
}

impl Series {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            values: Vec::new(),
        }
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    /// The figure that this part of all does not exceed.
    pub fn at(&self, part: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() as f64 * part) as usize;
        sorted.get(place).copied().unwrap_or(f64::NAN)
    }
}

/// Prints both medians and their ratio (`ours / baseline`).
pub fn print_ratio(title: &str, unit: &str, ours: &Series, baseline: &Series) {
    println!(
        "{title:<44} {:>10.2} {unit:<9} {} {:>10.2} {unit:<9} {}   ratio {:.2}",
        ours.median(),
        ours.name,
        baseline.median(),
        baseline.name,
        ours.median() / baseline.median(),
    );
}

pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
