//! Mounts every attack of the list beside a neighbour, and makes the table of
//! `docs/security/hostile-guests.md`. In `make test` briefly, where the table only has to name the
//! same attacks and codes; at length, and with the figures written down, by `cargo xtask hostile`.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use inkstone_domain::Result;

use super::attacks::{ATTACKS, Attack, Expect};
use super::crowd::{self, Crowd};
use super::neighbour::{Latencies, Neighbour};
use super::resident;
use super::stage::{Armed, Stage, told};
use crate::engine::root;

/// Where the table is written to; without it the run is brief and writes nothing.
const INTO: &str = "INKSTONE_HOSTILE_TABLE";
/// Only attacks whose name holds these words, looked at closely; writes nothing.
const ONLY: &str = "INKSTONE_HOSTILE_ONLY";

/// What the process may keep after an attack: pages of pools and of the allocator that are used again.
const SLACK_KIB: i64 = 8 << 10;
/// A neighbour may become this much slower, measured at length.
const MOST_RATIO: f64 = 2.0;
/// In a brief run on a busy machine, it is enough that the neighbour does not starve.
const NOT_STARVED: Duration = Duration::from_secs(2);
/// `[plugins] max_plugins`, where nobody changed it.
const AS_MANY_AS_A_LIST_MAY_HOLD: usize = 1_000;
/// A machine has its moods: an attack is measured again before it is blamed.
const TRIES: usize = 5;

/// Whether there is time to look closely.
fn is_thorough() -> bool {
    std::env::var_os(INTO).is_some() || std::env::var_os(ONLY).is_some()
}

/// Between two calls, as they come over a network: what a flood of calls does is a question of rate limits.
const BETWEEN_CALLS: Duration = Duration::from_millis(2);
/// Between two loads: the watch looks at a file once it has been quiet for so long.
const BETWEEN_LOADS: Duration = Duration::from_millis(75);

/// How long each attack is looked at.
struct Effort {
    rounds: usize,
    /// Of quiet, and then of attack, in each round.
    window: Duration,
    mounts: usize,
}

const BRIEF: Effort = Effort {
    rounds: 1,
    window: Duration::from_millis(40),
    mounts: 2,
};

const THOROUGH: Effort = Effort {
    rounds: 3,
    window: Duration::from_millis(300),
    mounts: 4,
};

/// One line of the table.
struct Row {
    attack: &'static Attack,
    mounts: usize,
    memory_kib: i64,
    /// The neighbour's p99 in all quiet windows up to here, and among the mounts.
    quiet: Duration,
    during: Duration,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.during.as_secs_f64() / self.quiet.as_secs_f64()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_contained_and_the_table_says_so() {
    // On a worker, as calls are served; a test's own thread would be one more than there are.
    tokio::spawn(mount_all()).await.unwrap();
}

async fn mount_all() {
    let into = std::env::var_os(INTO).map(PathBuf::from);
    let only = std::env::var(ONLY).ok();
    let effort = if is_thorough() { THOROUGH } else { BRIEF };
    // While the process is small, so that nothing it gives back is mistaken for theirs.
    let crowd = match &into {
        Some(_) => Some(crowd::gather(AS_MANY_AS_A_LIST_MAY_HOLD).await),
        None => None,
    };
    let stage = Stage::new();
    let neighbour = Neighbour::load(&stage.host).await;
    // The first calls touch everything for the first time.
    neighbour.watch_for(Duration::from_millis(200)).await;
    let mut quiet = neighbour.watch_for(effort.window * 10).await;

    let mut rows = Vec::new();
    let mut faults = Vec::new();
    let is_wanted = |attack: &&Attack| {
        only.as_ref()
            .is_none_or(|words| attack.name.contains(words))
    };
    for attack in ATTACKS.iter().filter(is_wanted) {
        let row = withstood(&stage, &neighbour, &mut quiet, attack, &effort).await;
        match row {
            Ok((row, None)) => rows.push(row),
            Ok((row, Some(slow))) => {
                faults.push(format!("{}: {slow}", attack.name));
                rows.push(row);
            }
            Err(fault) => faults.push(format!("{}: {fault}", attack.name)),
        }
    }
    assert_eq!(
        stage.upstreams.seen.smuggled(),
        0,
        "a smuggled request arrived"
    );
    assert_eq!(stage.upstreams.seen.keys(1), 0, "a key left its origin");
    match (into, only) {
        (_, Some(_)) => {}
        // What went wrong is told after the table, which then shows it too.
        (Some(path), None) => {
            let crowd = crowd.expect("it was gathered first");
            std::fs::write(path, page(&rows, &crowd)).unwrap();
        }
        (None, None) if !faults.is_empty() => {}
        (None, None) => assert_eq!(
            facts_of_page(),
            facts(&rows),
            "docs/security/hostile-guests.md is old: run `cargo xtask hostile`"
        ),
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Measures again where the neighbour was slow, because the machine may have been, and where memory was
/// kept: what the allocator keeps is used again, and only a leak grows each time.
async fn withstood(
    stage: &Stage,
    neighbour: &Neighbour,
    quiet: &mut Latencies,
    attack: &'static Attack,
    effort: &Effort,
) -> Result<(Row, Option<String>), String> {
    let is_thorough = effort.rounds > 1;
    let armed = stage.arm(attack).await;
    expect(attack, &armed.mount().await)?;
    let mut tries = 1;
    loop {
        let row = measured(&armed, neighbour, quiet, attack, effort).await?;
        let ratio = row.ratio();
        eprintln!(
            "{:<55} {:>5} mounts  {:>+7} KiB  p99 {:>8.2?} -> {:>8.2?}  ×{ratio:.2}",
            attack.name, row.mounts, row.memory_kib, row.quiet, row.during,
        );
        let is_quick = match is_thorough {
            true => ratio < MOST_RATIO,
            false => row.during < NOT_STARVED,
        };
        if is_quick && row.memory_kib <= SLACK_KIB {
            return Ok((row, None));
        }
        if tries == TRIES {
            let slow = format!(
                "it kept {} KiB, and the neighbour's p99 went from {:?} to {:?}",
                row.memory_kib, row.quiet, row.during
            );
            return Ok((row, Some(slow)));
        }
        tries += 1;
    }
}

async fn measured(
    armed: &Armed<'_>,
    neighbour: &Neighbour,
    quiet: &mut Latencies,
    attack: &'static Attack,
    effort: &Effort,
) -> Result<Row, String> {
    let mut mounts = 0;
    let mut during = Latencies::default();
    let pause = match armed.loads() {
        true => BETWEEN_LOADS,
        false => BETWEEN_CALLS,
    };
    let before_kib = resident::kib();
    for _ in 0..effort.rounds {
        quiet.add(neighbour.watch_for(effort.window).await);
        let watching = neighbour.watch();
        let began = Instant::now();
        let mut mounted = 0;
        while mounted < effort.mounts || began.elapsed() < effort.window {
            expect(attack, &armed.mount().await)?;
            mounted += 1;
            tokio::time::sleep(pause).await;
        }
        mounts += mounted;
        during.add(watching.end().await);
    }
    if !armed.rests().await {
        return Err("a call of it still runs".to_owned());
    }
    let memory_kib = resident::kib() - before_kib;
    let next = armed.goes_on().await;
    next.map_err(|error| format!("the next call of the same plugin fails: {error:?}"))?;
    Ok(Row {
        attack,
        mounts,
        memory_kib,
        quiet: quiet.p99(),
        during: during.p99(),
    })
}

fn expect(attack: &Attack, outcome: &Result<()>) -> Result<(), String> {
    let (code, message) = told(outcome);
    match attack.expect {
        Expect::Code(want, words) if code == want && message.contains(words) => Ok(()),
        Expect::Unharmed(_) if outcome.is_ok() => Ok(()),
        Expect::Code(want, words) => Err(format!(
            "`{want}` with \"{words}\" was expected, and this came: {outcome:?}"
        )),
        Expect::Unharmed(_) => Err(format!("no error was expected, and this came: {outcome:?}")),
    }
}

/// What the caller is told, as the table says it.
fn told_in_words(attack: &Attack) -> String {
    match attack.expect {
        Expect::Code(code, _) => format!("`{code}`"),
        Expect::Unharmed(words) => format!("none: {words}"),
    }
}

/// Name, way in, containment and code of each attack: all of a row that is not measured.
fn facts(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| fact(row.attack)).collect()
}

fn fact(attack: &Attack) -> String {
    format!(
        "| {} | {} | {} | {} |",
        attack.name,
        attack.mount.describe(),
        attack.contained_by,
        told_in_words(attack)
    )
}

/// The same, as the page has it.
fn facts_of_page() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/security/hostile-guests.md"));
    let text = text.unwrap_or_default();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.skip(1)
        .filter_map(|line| {
            let ends: Vec<usize> = line.match_indices('|').map(|(at, _)| at).collect();
            ends.get(4).map(|end| line[..=*end].to_owned())
        })
        .collect()
}

fn page(rows: &[Row], crowd: &Crowd) -> String {
    let mut page = HEAD.to_owned();
    for row in rows {
        let _ = writeln!(
            page,
            "{} {:+} KiB | {} → {} µs (× {:.2}) |",
            fact(row.attack),
            row.memory_kib,
            row.quiet.as_micros(),
            row.during.as_micros(),
            row.ratio(),
        );
    }
    let mounts: usize = rows.iter().map(|row| row.mounts).sum();
    let worst = rows.iter().map(Row::ratio).fold(0.0, f64::max);
    let most_kib = rows.iter().map(|row| row.memory_kib).max().unwrap_or(0);
    let _ = writeln!(
        page,
        "\n{} attacks, mounted {mounts} times in all. The neighbour's p99 was at worst × {worst:.2} of its quiet value; the process kept at most {most_kib} KiB after an attack.",
        rows.len(),
    );
    let _ = writeln!(
        page,
        "\nAs many small plugins as a list may hold, {}, are loaded in one host at {} KiB each, and called one after the other; the neighbour's p99 was {} µs before and {} µs among them.",
        crowd.plugins,
        crowd.each_kib,
        crowd.alone.as_micros(),
        crowd.among_them.as_micros(),
    );
    page
}

const HEAD: &str = "\
# Hostile guests

Every way to do harm that we thought of, mounted through the real host and the real egress. This page is
written by `cargo xtask hostile`; the attacks stand in `tests/trips/hostile/attacks.rs`, the guests in
`tests/guests`. `make test` mounts all of them too, and checks that this page names the same ones.

- **The caller is told** is the public error code, or what happens where the call just goes on.
- **Memory after** is what the process has to itself (anonymous and shared) after the attack, compared
  with before, once its allocator gave back what it can. Up to 8 MiB may stay. Where more did, the attack was
  mounted anew: what the allocator keeps is used again, and a leak grows.
- **Neighbour** is another plugin, called all the while from outside: a fresh instance that streams five
  chunks. Its p99 in quiet and during the attack, taken in turns; the quiet one is that of all quiet calls up
  to there. The run fails at a ratio of 2; a machine that does something else meanwhile gets up to five tries. The figures are those of an unoptimised build.
  A call lasts from the wish of a thread outside to the last chunk. Upstreams, and what makes damaged files,
  run at idle priority: an attacker's own work is done on another machine.
- An attack is mounted again 2 ms after it has ended, over and over, one that is over while its file is loaded
  after 75 ms, as the watch would: what a flood of calls does is a question of rate limits.

| Attack | Mounted through | Contained by | The caller is told | Memory after | Neighbour's p99, quiet → attacked |
|---|---|---|---|---|---|
";
