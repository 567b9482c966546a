//! Who is asked, in which order: the deployments behind a name, then the names that stand in.

use std::sync::Arc;

use inkstone_domain::money::Price;
use inkstone_domain::{Error, ErrorKind, Result, codes};

use super::deployments::{Deployment, all_rest};
use crate::models::Route;
use inkstone_domain::gateway::{Balance, ModelConfig};

/// A deployment that can take the call.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub route: Arc<Route>,
    pub deployment: Arc<Deployment>,
    pub weight: u32,
    /// None where nobody knows it: then it counts as free.
    pub price: Option<Price>,
}

/// All deployments behind one name.
#[derive(Clone)]
pub(crate) struct Stage {
    /// As the caller or the configuration wrote it.
    pub name: String,
    pub candidates: Vec<Candidate>,
    pub config: Option<Arc<ModelConfig>>,
    /// Why there is no candidate at all.
    pub missing: Option<Error>,
}

impl Stage {
    /// Who takes the next call: of those that do not rest, one that was not tried yet before one that was.
    /// `dice` is a number from 0 to 1.
    pub fn pick(&self, tried: &[String], dice: f64) -> Option<&Candidate> {
        let ready = || {
            let candidates = self.candidates.iter();
            candidates.filter(|one| one.deployment.would_pass())
        };
        let fresh: Vec<&Candidate> = ready()
            .filter(|one| !tried.contains(&one.deployment.name))
            .collect();
        let of = match fresh.is_empty() {
            true => ready().collect(),
            false => fresh,
        };
        match self.balance() {
            Balance::Weighted => by_weight(&of, dice),
            Balance::LeastBusy => least(&of, |one| {
                f64::from(one.deployment.under_way() + 1) / f64::from(one.weight.max(1))
            }),
            // One that was never called comes first, so that it is known.
            Balance::Fastest => least(&of, |one| one.deployment.first_chunk_us() as f64),
        }
    }

    /// Whether one is left that was not tried and does not rest.
    pub fn has_fresh(&self, tried: &[String]) -> bool {
        self.candidates
            .iter()
            .any(|one| !tried.contains(&one.deployment.name) && one.deployment.would_pass())
    }

    /// Why nobody is asked: they rest, or there is none.
    pub fn nobody(&self) -> Error {
        let missing = self.missing.clone();
        missing.unwrap_or_else(|| all_rest(&self.name, self.rest()))
    }

    /// The shortest rest of all.
    pub fn rest(&self) -> Option<std::time::Duration> {
        let rests = self.candidates.iter();
        rests.filter_map(|one| one.deployment.rest()).min()
    }

    /// Names that stand in after this error, in their order.
    pub fn fallbacks_after(&self, error: &Error) -> Vec<String> {
        let Some(config) = &self.config else {
            return Vec::new();
        };
        let named = config.fallbacks_on.get(error.code().name);
        let general = may_fall_back(error).then_some(&config.fallbacks);
        let mut names: Vec<String> = Vec::new();
        for name in named.into_iter().chain(general).flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    fn balance(&self) -> Balance {
        let config = self.config.as_ref();
        config.map_or(Balance::Weighted, |config| config.balance)
    }
}

fn by_weight<'a>(of: &[&'a Candidate], dice: f64) -> Option<&'a Candidate> {
    let total: f64 = of.iter().map(|one| f64::from(one.weight)).sum();
    let mut left = dice * total;
    for one in of {
        left -= f64::from(one.weight);
        if left < 0.0 {
            return Some(one);
        }
    }
    of.last().copied()
}

fn least<'a>(of: &[&'a Candidate], load: impl Fn(&Candidate) -> f64) -> Option<&'a Candidate> {
    let mut all = of.iter().copied();
    let first = all.next()?;
    Some(all.fold(first, |best, one| match load(one) < load(best) {
        true => one,
        false => best,
    }))
}

/// Whether another try of the same request may go better.
pub(crate) fn may_retry(error: &Error) -> bool {
    let is_refusal =
        error.code() == &codes::UPSTREAM_UNAUTHORIZED || error.code() == &codes::PLUGIN_QUARANTINED;
    error.is_transient() && !is_refusal
}

/// Whether another model may do better. What is wrong with the request itself stays wrong.
pub(crate) fn may_fall_back(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Cancelled | ErrorKind::TooLarge
    )
}

/// The first error of routing counts, where no deployment of a name can be found and nobody stands in.
pub(crate) fn found_any(
    name: &str,
    candidates: Vec<Result<Candidate>>,
    config: Option<Arc<ModelConfig>>,
) -> Result<Stage> {
    let mut found = Vec::new();
    let mut first_error = None;
    for candidate in candidates {
        match candidate {
            Ok(candidate) => found.push(candidate),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let missing = first_error.filter(|_| found.is_empty());
    let stage = Stage {
        name: name.to_owned(),
        candidates: found,
        config,
        missing,
    };
    match &stage.missing {
        Some(error) if stage.fallbacks_after(error).is_empty() => Err(error.clone()),
        _ => Ok(stage),
    }
}

#[cfg(test)]
mod tests;
