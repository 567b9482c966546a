//! `cargo xtask kills`: the trips that kill and pause engines under load, at length, one after the other.

use clap::Args;

use crate::process::{self, Failure, note};
use crate::workspace::Workspace;
use crate::{plugins, setup, test};

const TRIPS: [&str; 2] = [
    "writers::many_kills_under_many_writers_lose_nothing",
    "three_engines::load::one_dies_and_one_hangs_and_nothing_is_lost_or_done_twice",
];

#[derive(Args)]
pub(crate) struct KillsArgs {
    /// How often one engine is killed under its writers.
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// For how long one of three engines hangs; the longest lease of what they do is 60 s.
    #[arg(long, default_value_t = 65)]
    stop_seconds: u64,
}

pub(crate) fn run(workspace: &Workspace, args: &KillsArgs) -> Result<(), Failure> {
    setup::base(workspace)?;
    setup::for_tests(workspace)?;
    plugins::all(workspace)?;
    // As `make test` builds it, so that nothing heavy is compiled twice.
    note("building the engine and its tests");
    let mut build = workspace.cargo();
    process::run(build.args(["build", "--workspace", "--bins", "--tests"]))?;
    note("killing and pausing engines; each trip tells at its end what it counted");
    let mut trips = workspace.cargo();
    trips
        .args(["test", "--workspace", "--test", "trips", "--"])
        .args(["--nocapture", "--test-threads", "1", "--exact"])
        .args(TRIPS)
        .env("INKSTONE_KILL_ROUNDS", args.rounds.to_string())
        .env("INKSTONE_STOP_SECONDS", args.stop_seconds.to_string());
    process::run(test::in_surroundings(&mut trips, workspace))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that no test has would be passed over in silence; and with the limits of all others, neither comes far.
    #[test]
    fn the_trips_are_there_and_have_time() {
        let root = Workspace::find().unwrap().root;
        let limits = std::fs::read_to_string(root.join(".config/nextest.toml")).unwrap();
        for trip in TRIPS {
            let (module, name) = trip.rsplit_once("::").unwrap();
            let file = format!("tests/trips/{}.rs", module.replace("::", "/"));
            let source = std::fs::read_to_string(root.join(file)).unwrap();
            assert!(source.contains(&format!("async fn {name}()")), "{trip}");
            assert!(limits.contains(&format!("test(={trip})")), "{trip}");
        }
    }
}
