//! `rollout` of a plugin: a second version beside the first, its share, steps and guard.

use std::path::{Path, PathBuf};

use inkstone_domain::plugin::{Rollout, RolloutGuard, RolloutStep, Sticky};

use crate::section::Section;

const STICKY: &[(&str, Sticky)] = &[("user", Sticky::User), ("random", Sticky::Random)];
/// The share of a canary where the list names none.
const DEFAULT_SHARE: f64 = 0.05;
const WEEK_MINUTES: u32 = 7 * 24 * 60;

/// `stable` is where the first version lies: the canary of a folder is looked for in that folder.
pub(super) fn rollout(
    section: &mut Section<'_>,
    id: &str,
    dir: &Path,
    stable: &Path,
) -> Option<Rollout> {
    if !section.has("rollout") {
        // Asked for all the same, so that it is known when keys are misspelt.
        section.section("rollout");
        return None;
    }
    let mut table = section.section("rollout");
    let place = table.place_of("canary");
    let canary = table.required_text("canary");
    if !canary.is_empty() && semver::Version::parse(&canary).is_err() {
        table.fault(
            &place,
            format!("`canary`: `{canary}` is no semantic version, such as `1.2.0`"),
        );
    }
    let mut rollout = Rollout {
        path: PathBuf::new(),
        share: DEFAULT_SHARE,
        sticky: Sticky::User,
        steps: Vec::new(),
        guard: RolloutGuard::default(),
        canary,
    };
    table.path_value("path", &mut rollout.path);
    rollout.path = if rollout.path.as_os_str().is_empty() {
        default_path(id, &rollout.canary, dir, stable)
    } else {
        dir.join(&rollout.path)
    };
    table.decimal("share", 0.0..=1.0, &mut rollout.share);
    table.choice("sticky", &mut rollout.sticky, STICKY);
    steps(&mut table, &mut rollout);
    guard(table.section("guard"), &mut rollout.guard);
    table.finish();
    Some(rollout)
}

/// Without its extension, which depends on what lies there.
fn default_path(id: &str, canary: &str, dir: &Path, stable: &Path) -> PathBuf {
    let folder = if stable.is_dir() { stable } else { dir };
    folder.join(format!("{id}-{canary}.{}", super::candidates::EITHER))
}

fn steps(table: &mut Section<'_>, rollout: &mut Rollout) {
    let mut before = rollout.share;
    for mut section in table.sections("steps") {
        let place = section.place_of("share");
        if !section.has("share") {
            section.fault(&place, "`share` is missing in a step of a rollout");
        }
        let mut step = RolloutStep {
            share: 1.0,
            good_minutes: 10,
        };
        section.decimal("share", 0.0..=1.0, &mut step.share);
        section.number("good_minutes", 1..=WEEK_MINUTES, &mut step.good_minutes);
        if step.share <= before {
            section.fault(
                &place,
                format!(
                    "each step of a rollout must be larger than the one before; {} follows {before}",
                    step.share
                ),
            );
        }
        before = step.share;
        section.finish();
        rollout.steps.push(step);
    }
}

fn guard(mut section: Section<'_>, guard: &mut RolloutGuard) {
    section.number("min_calls", 1..=1_000_000_000, &mut guard.min_calls);
    section.decimal("error_margin", 0.0..=1.0, &mut guard.error_margin);
    section.decimal("latency_ratio", 1.0..=1_000.0, &mut guard.latency_ratio);
    section.finish();
}
