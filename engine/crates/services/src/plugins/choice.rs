//! Which version of a plugin a call gets: what the caller asks for, and what chance says. The shares
//! themselves are in the routing of the registry.

use std::sync::Arc;

use inkstone_domain::ids::{EventId, UserId};
use inkstone_domain::plugin::Sticky;
use inkstone_domain::principal::Principal;
use inkstone_domain::rollout::Pin;
use sha2::{Digest, Sha256};

use crate::chat::RequestContext;

/// The versions a tester asked for. Empty for everybody else, and then free to copy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins(Option<Arc<[Pin]>>);

impl Pins {
    /// The version asked for of this plugin.
    pub(super) fn version_of(&self, plugin: &str) -> Option<&str> {
        let mut pins = self.iter();
        let pin = pins.find(|pin| pin.plugin == plugin)?;
        Some(&pin.version)
    }

    /// In the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Pin> {
        self.0.iter().flat_map(|pins| pins.iter())
    }
}

impl FromIterator<Pin> for Pins {
    fn from_iter<I: IntoIterator<Item = Pin>>(pins: I) -> Self {
        let pins: Arc<[Pin]> = pins.into_iter().collect();
        Self((!pins.is_empty()).then_some(pins))
    }
}

/// What one call brings along for the choice of a version.
#[derive(Debug, Clone)]
pub struct Choice {
    user: Option<UserId>,
    pins: Pins,
    /// 0 to 1, for rollouts that are not sticky.
    dice: f64,
}

impl Choice {
    /// Of a call in this principal's name. All attempts of a job fall alike, since a checkpoint is for
    /// the version that made it.
    pub fn of(principal: &Principal, context: &RequestContext) -> Self {
        Self {
            user: Some(principal.user),
            pins: context.pins.clone(),
            dice: match context.job {
                Some(job) => part_of_one(&[&job.to_string()]),
                None => rand::random(),
            },
        }
    }

    /// Of nobody in particular: the stable version, or a canary that serves everybody.
    pub fn stable() -> Self {
        Self {
            user: None,
            pins: Pins::default(),
            dice: 1.0,
        }
    }

    /// Of an event, which goes to the same version each time it is told.
    pub fn of_event(event: EventId) -> Self {
        Self {
            user: None,
            pins: Pins::default(),
            dice: part_of_one(&[&event.to_string()]),
        }
    }

    pub(super) fn pinned(&self, plugin: &str) -> Option<&str> {
        self.pins.version_of(plugin)
    }

    /// Whether the call falls into the canary's share. With `Sticky::User` a share that grows keeps
    /// everybody who was in it.
    pub(super) fn falls_into(
        &self,
        share: f64,
        sticky: Sticky,
        plugin: &str,
        canary: &str,
    ) -> bool {
        if share >= 1.0 {
            return true;
        }
        if share <= 0.0 {
            return false;
        }
        let place = match (sticky, self.user) {
            (Sticky::User, Some(user)) => part_of_one(&[plugin, canary, &user.to_string()]),
            _ => self.dice,
        };
        place < share
    }
}

/// A number from 0 to 1 that follows from these words alone, on every machine and in every release.
fn part_of_one(words: &[&str]) -> f64 {
    let mut hash = Sha256::new();
    for word in words {
        hash.update(word.as_bytes());
        hash.update([0]);
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(hash.finalize());
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    // The 53 bits a double holds exactly.
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use inkstone_domain::ids::JobId;
    use inkstone_domain::principal::Role;

    use super::*;

    fn somebody() -> Choice {
        Choice {
            user: Some(UserId::new()),
            ..Choice::stable()
        }
    }

    #[test]
    fn a_growing_share_keeps_those_who_were_in_it() {
        let everybody: Vec<Choice> = (0..4_000).map(|_| somebody()).collect();
        let in_share = |share: f64| -> Vec<bool> {
            everybody
                .iter()
                .map(|one| one.falls_into(share, Sticky::User, "p", "1.2.0"))
                .collect()
        };
        let mut before = in_share(0.0);
        assert!(before.iter().all(|is_in| !is_in));
        for share in [0.05, 0.25, 0.8, 1.0] {
            let now = in_share(share);
            assert!(before.iter().zip(&now).all(|(was, is)| *is || !*was));
            let part = now.iter().filter(|is_in| **is_in).count() as f64 / 4_000.0;
            assert!((part - share).abs() < 0.04, "{share}: {part}");
            before = now;
        }
        // Another canary draws anew, so it is not always the same people who try things first.
        let other: Vec<bool> = everybody
            .iter()
            .map(|one| one.falls_into(0.5, Sticky::User, "p", "1.3.0"))
            .collect();
        assert_ne!(other, in_share(0.5));
    }

    #[test]
    fn the_place_of_a_user_never_moves() {
        assert_eq!(
            part_of_one(&["provider-openai", "1.2.0", "usr_x"]),
            part_of_one(&["provider-openai", "1.2.0", "usr_x"])
        );
        // Written down, since a change would move every user.
        let place = part_of_one(&["a", "b"]);
        assert!((place - 0.561_310_706).abs() < 1e-9, "{place}");
    }

    #[test]
    fn all_attempts_of_a_job_fall_alike() {
        let principal = Principal::of(UserId::new(), Role::Creator);
        let context = RequestContext {
            job: Some(JobId::new()),
            ..RequestContext::default()
        };
        let (one, other) = (
            Choice::of(&principal, &context),
            Choice::of(&principal, &context),
        );
        assert_eq!(one.dice, other.dice);
    }

    #[test]
    fn pins_are_found_by_plugin() {
        let pin: Pin = "provider-openai@1.2.0".parse().unwrap();
        let pins: Pins = [pin].into_iter().collect();
        assert_eq!(pins.version_of("provider-openai"), Some("1.2.0"));
        assert_eq!(pins.version_of("provider-local"), None);
        assert_eq!([].into_iter().collect::<Pins>(), Pins::default());
    }
}
