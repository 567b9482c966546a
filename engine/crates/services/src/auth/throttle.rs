//! How often somebody may try. Each account and each address has some tries free; after that every try
//! makes the next one wait, twice as long each time. An attempt counts when it begins, so that many at
//! once are no way around; what counts is in memory and bounded, and knows no account that does not exist
//! from one that does.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use inkstone_domain::{Error, Result, codes};
use moka::ops::compute::Op;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

/// Beyond this the longest unused are forgotten.
const REMEMBERED: u64 = 100_000;

/// How patient the engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleConfig {
    /// Failures in a row of one account before the first wait.
    pub account_tries: u32,
    /// The same of one address: several people may share it.
    pub address_tries: u32,
    /// It doubles with every failure.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// After so long without a try nothing counts any more.
    pub forget_after: Duration,
}

impl Default for ThrottleConfig {
    /// Five, twenty, a second, a quarter of an hour, an hour.
    fn default() -> Self {
        Self {
            account_tries: 5,
            address_tries: 20,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(15 * 60),
            forget_after: Duration::from_secs(60 * 60),
        }
    }
}

/// Counts tries.
pub struct Throttle {
    config: ThrottleConfig,
    counts: Cache<Key, Count>,
}

type Key = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Count {
    tries: u32,
    last: DateTime<Utc>,
    wait_until: DateTime<Utc>,
}

/// What one attempt counts for.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    account: Key,
    address: Option<Key>,
}

impl Attempt {
    /// `purpose` keeps sign-ins apart from other things that are counted. An address of this machine is a
    /// proxy that nobody named, or its operator: neither keeps everybody else out.
    pub fn of(purpose: &str, account: &str, address: Option<IpAddr>) -> Self {
        let address = address.filter(|address| !address.to_canonical().is_loopback());
        Self {
            account: key(purpose, "account", account),
            address: address.map(|address| key(purpose, "address", &network_of(address))),
        }
    }
}

impl Throttle {
    pub fn new(config: ThrottleConfig) -> Self {
        Self {
            config,
            counts: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(config.forget_after)
                .build(),
        }
    }

    /// Counts an attempt as failed until it is forgiven; `rate_limit_exceeded` where it comes too early.
    pub fn begin(&self, attempt: &Attempt, now: DateTime<Utc>) -> Result<()> {
        let waiting = attempt.address.and_then(|key| self.counts.get(&key));
        if let Some(count) = waiting
            && count.wait_until > now
        {
            return Err(too_early(count.wait_until, now));
        }
        self.count(attempt.account, self.config.account_tries, now)?;
        match attempt.address {
            Some(address) => self.count(address, self.config.address_tries, now),
            None => Ok(()),
        }
    }

    /// It succeeded: the account starts anew, and the address has this one try back.
    pub fn forgive(&self, attempt: &Attempt) {
        self.counts.invalidate(&attempt.account);
        let Some(address) = attempt.address else {
            return;
        };
        let free = self.config.address_tries;
        let entry = self.counts.entry(address);
        entry.and_compute_with(|entry| match entry.map(moka::Entry::into_value) {
            Some(count) if count.tries > 1 => {
                let tries = count.tries - 1;
                let wait_until = match tries < free {
                    true => count.last,
                    false => count.wait_until,
                };
                Op::Put(Count {
                    tries,
                    wait_until,
                    ..count
                })
            }
            _ => Op::Remove,
        });
    }

    fn count(&self, key: Key, free: u32, now: DateTime<Utc>) -> Result<()> {
        let mut early = None;
        self.counts.entry(key).and_compute_with(|entry| {
            let count = entry.map(moka::Entry::into_value);
            let count = count.filter(|count| now < count.last + self.config.forget_after);
            if let Some(count) = count
                && count.wait_until > now
            {
                early = Some(count.wait_until);
                return Op::Nop;
            }
            let tries = count.map_or(0, |count| count.tries).saturating_add(1);
            Op::Put(Count {
                tries,
                last: now,
                wait_until: now + self.wait_after(tries, free),
            })
        });
        early.map_or(Ok(()), |until| Err(too_early(until, now)))
    }

    fn wait_after(&self, tries: u32, free: u32) -> Duration {
        let Some(doublings) = tries.checked_sub(free.max(1)) else {
            return Duration::ZERO;
        };
        let factor = 2_u32.saturating_pow(doublings.min(31));
        let wait = self.config.first_wait.saturating_mul(factor);
        wait.min(self.config.longest_wait)
    }
}

fn too_early(until: DateTime<Utc>, now: DateTime<Utc>) -> Error {
    let left = (until - now).to_std().unwrap_or_default();
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    Error::new(
        &codes::RATE_LIMITED,
        format!("there were too many tries; the next one may come in {seconds} s"),
    )
    .with_retry_after(Some(Duration::from_secs(seconds)))
}

/// Whoever has an address of version 6 has a whole network of them.
fn network_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}")
        }
    }
}

fn key(purpose: &str, kind: &str, value: &str) -> Key {
    Sha256::digest(format!("{purpose}\n{kind}\n{value}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ThrottleConfig {
        ThrottleConfig {
            account_tries: 3,
            address_tries: 5,
            longest_wait: Duration::from_secs(5),
            ..ThrottleConfig::default()
        }
    }

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600, 0).unwrap()
    }

    fn of(account: &str, address: &str) -> Attempt {
        Attempt::of("sign-in", account, address.parse().ok())
    }

    /// The seconds until the next try, 0 where this one was let through.
    fn wait(throttle: &Throttle, attempt: &Attempt, now: DateTime<Utc>) -> u64 {
        match throttle.begin(attempt, now) {
            Ok(()) => 0,
            Err(error) => error.retry_after().unwrap().as_secs(),
        }
    }

    #[test]
    fn waits_of_an_account_grow_and_end() {
        let throttle = Throttle::new(config());
        let mut now = start();
        let mut waits = Vec::new();
        for number in 0..8 {
            // From ever new addresses: that does not help.
            let attempt = of("ada", &format!("10.0.0.{number}"));
            let seconds = wait(&throttle, &attempt, now);
            waits.push(seconds);
            now += Duration::from_secs(seconds);
            if seconds > 0 {
                assert_eq!(wait(&throttle, &attempt, now), 0);
            }
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 5, 5]);
        now += config().forget_after;
        assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), now), 0);
        assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), now), 0);
    }

    #[test]
    fn a_success_forgives_the_account_and_gives_the_address_one_try_back() {
        let throttle = Throttle::new(config());
        for _ in 0..2 {
            assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), start()), 0);
        }
        throttle.forgive(&of("ada", "10.0.0.1"));
        for name in ["bob", "eve", "ada", "ada"] {
            assert_eq!(wait(&throttle, &of(name, "10.0.0.1"), start()), 0, "{name}");
        }
        assert_eq!(wait(&throttle, &of("zoe", "10.0.0.1"), start()), 1);
        assert_eq!(wait(&throttle, &of("zoe", "10.0.0.2"), start()), 0);
    }

    #[test]
    fn a_network_of_version_6_is_one_address() {
        let throttle = Throttle::new(config());
        for number in 0..5 {
            let attempt = of(&format!("user-{number}"), &format!("2001:db8::{number}"));
            assert_eq!(wait(&throttle, &attempt, start()), 0);
        }
        let same = of("another", "2001:db8::ffff:1");
        assert_eq!(wait(&throttle, &same, start()), 1);
        let other = of("another", "2001:db8:0:1::1");
        assert_eq!(wait(&throttle, &other, start()), 0);
    }

    #[test]
    fn this_machine_is_not_kept_out_by_its_address() {
        let throttle = Throttle::new(config());
        for number in 0..50 {
            for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                let attempt = of(&format!("user-{number}-{address}"), address);
                assert_eq!(wait(&throttle, &attempt, start()), 0);
            }
        }
    }

    #[test]
    fn purposes_are_counted_apart_and_without_an_address_the_account_counts() {
        let throttle = Throttle::new(config());
        let sign_in = Attempt::of("sign-in", "ada", None);
        for _ in 0..3 {
            assert_eq!(wait(&throttle, &sign_in, start()), 0);
        }
        assert_eq!(wait(&throttle, &sign_in, start()), 1);
        let forgotten = Attempt::of("forgot", "ada", None);
        assert_eq!(wait(&throttle, &forgotten, start()), 0);
    }
}
