//! How often somebody may try. Each account and each address has some tries free; after that every try
//! makes the next one wait, twice as long each time. An attempt counts when it begins, so that many at
//! once are no way around; what counts is in memory and bounded, and knows no account that does not exist
//! from one that does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::ports::{Clock, Trier, TryCounter, TryKey, Waits};
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

/// Counts tries: with the other engines where they share a counter and it can be reached, else alone.
pub struct Throttle {
    config: ThrottleConfig,
    local: LocalTries,
    shared: Option<Arc<dyn TryCounter>>,
}

/// Counts in memory. Beyond a hundred thousand the longest unused are forgotten.
pub struct LocalTries {
    clock: Arc<dyn Clock>,
    counts: Cache<TryKey, Count>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    tries: u32,
    last: DateTime<Utc>,
    wait_until: DateTime<Utc>,
}

/// What one attempt counts for.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    account: TryKey,
    address: Option<TryKey>,
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
    pub fn new(
        config: ThrottleConfig,
        clock: Arc<dyn Clock>,
        shared: Option<Arc<dyn TryCounter>>,
    ) -> Self {
        Self {
            config,
            local: LocalTries::new(clock, config.forget_after),
            shared,
        }
    }

    /// Counts an attempt as failed until it is forgiven; `rate_limit_exceeded` where it comes too early.
    pub async fn begin(&self, attempt: &Attempt) -> Result<()> {
        let (account, address, waits) =
            (self.account(attempt), self.address(attempt), self.waits());
        // Counted here, too: a shared counter that goes away must not leave everybody with new tries.
        let local = self.local.count_all(account, address, waits);
        let wait = match &self.shared {
            Some(shared) => shared.begin(account, address, waits).await.unwrap_or(local),
            None => local,
        };
        wait.map_or(Ok(()), |wait| Err(too_early(wait)))
    }

    /// It succeeded: the account starts anew, and the address has this one try back.
    pub async fn forgive(&self, attempt: &Attempt) {
        let (account, address) = (self.account(attempt), self.address(attempt));
        self.local.forget(account, address);
        if let Some(shared) = &self.shared {
            // What is away was logged; what it counted too much is forgotten with time.
            let _ = shared.forgive(account, address).await;
        }
    }

    fn account(&self, attempt: &Attempt) -> Trier {
        Trier {
            key: attempt.account,
            free: self.config.account_tries,
        }
    }

    fn address(&self, attempt: &Attempt) -> Option<Trier> {
        let free = self.config.address_tries;
        attempt.address.map(|key| Trier { key, free })
    }

    fn waits(&self) -> Waits {
        Waits {
            first: self.config.first_wait,
            longest: self.config.longest_wait,
            forget_after: self.config.forget_after,
        }
    }
}

impl LocalTries {
    pub fn new(clock: Arc<dyn Clock>, forget_after: Duration) -> Self {
        Self {
            clock,
            counts: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_idle(forget_after)
                .build(),
        }
    }

    fn count_all(&self, account: Trier, address: Option<Trier>, waits: Waits) -> Option<Duration> {
        let now = self.clock.now();
        let waiting = address.and_then(|address| self.counts.get(&address.key));
        if let Some(count) = waiting
            && count.wait_until > now
        {
            return (count.wait_until - now).to_std().ok();
        }
        let wait = self.count(account, waits, now);
        wait.or_else(|| self.count(address?, waits, now))
    }

    fn count(&self, trier: Trier, waits: Waits, now: DateTime<Utc>) -> Option<Duration> {
        let mut early = None;
        self.counts.entry(trier.key).and_compute_with(|entry| {
            let count = entry.map(moka::Entry::into_value);
            let count = count.filter(|count| now < count.last + waits.forget_after);
            if let Some(count) = count
                && count.wait_until > now
            {
                early = (count.wait_until - now).to_std().ok();
                return Op::Nop;
            }
            let tries = count.map_or(0, |count| count.tries).saturating_add(1);
            Op::Put(Count {
                tries,
                last: now,
                wait_until: now + wait_after(tries, trier.free, waits),
            })
        });
        early
    }

    fn forget(&self, account: Trier, address: Option<Trier>) {
        self.counts.invalidate(&account.key);
        let Some(address) = address else {
            return;
        };
        let entry = self.counts.entry(address.key);
        entry.and_compute_with(|entry| match entry.map(moka::Entry::into_value) {
            Some(count) if count.tries > 1 => {
                let tries = count.tries - 1;
                let wait_until = match tries < address.free {
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
}

#[async_trait]
impl TryCounter for LocalTries {
    async fn begin(
        &self,
        account: Trier,
        address: Option<Trier>,
        waits: Waits,
    ) -> Result<Option<Duration>> {
        Ok(self.count_all(account, address, waits))
    }

    async fn forgive(&self, account: Trier, address: Option<Trier>) -> Result<()> {
        self.forget(account, address);
        Ok(())
    }
}

fn wait_after(tries: u32, free: u32, waits: Waits) -> Duration {
    let Some(doublings) = tries.checked_sub(free.max(1)) else {
        return Duration::ZERO;
    };
    let factor = 2_u32.saturating_pow(doublings.min(31));
    waits.first.saturating_mul(factor).min(waits.longest)
}

fn too_early(wait: Duration) -> Error {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
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

fn key(purpose: &str, kind: &str, value: &str) -> TryKey {
    Sha256::digest(format!("{purpose}\n{kind}\n{value}")).into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Moved by hand.
    struct Hand(Mutex<DateTime<Utc>>);

    impl Clock for Hand {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().unwrap()
        }
    }

    struct Bench {
        clock: Arc<Hand>,
        throttle: Throttle,
    }

    fn bench() -> Bench {
        let clock = Arc::new(Hand(Mutex::new(start())));
        let throttle = Throttle::new(config(), clock.clone(), None);
        Bench { clock, throttle }
    }

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
    async fn wait(bench: &Bench, attempt: &Attempt, now: DateTime<Utc>) -> u64 {
        *bench.clock.0.lock().unwrap() = now;
        match bench.throttle.begin(attempt).await {
            Ok(()) => 0,
            Err(error) => error.retry_after().unwrap().as_secs(),
        }
    }

    #[tokio::test]
    async fn waits_of_an_account_grow_and_end() {
        let throttle = bench();
        let mut now = start();
        let mut waits = Vec::new();
        for number in 0..8 {
            // From ever new addresses: that does not help.
            let attempt = of("ada", &format!("10.0.0.{number}"));
            let seconds = wait(&throttle, &attempt, now).await;
            waits.push(seconds);
            now += Duration::from_secs(seconds);
            if seconds > 0 {
                assert_eq!(wait(&throttle, &attempt, now).await, 0);
            }
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 5, 5]);
        now += config().forget_after;
        assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), now).await, 0);
        assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), now).await, 0);
    }

    #[tokio::test]
    async fn a_success_forgives_the_account_and_gives_the_address_one_try_back() {
        let throttle = bench();
        for _ in 0..2 {
            assert_eq!(wait(&throttle, &of("ada", "10.0.0.1"), start()).await, 0);
        }
        throttle.throttle.forgive(&of("ada", "10.0.0.1")).await;
        for name in ["bob", "eve", "ada", "ada"] {
            assert_eq!(
                wait(&throttle, &of(name, "10.0.0.1"), start()).await,
                0,
                "{name}"
            );
        }
        assert_eq!(wait(&throttle, &of("zoe", "10.0.0.1"), start()).await, 1);
        assert_eq!(wait(&throttle, &of("zoe", "10.0.0.2"), start()).await, 0);
    }

    #[tokio::test]
    async fn a_network_of_version_6_is_one_address() {
        let throttle = bench();
        for number in 0..5 {
            let attempt = of(&format!("user-{number}"), &format!("2001:db8::{number}"));
            assert_eq!(wait(&throttle, &attempt, start()).await, 0);
        }
        let same = of("another", "2001:db8::ffff:1");
        assert_eq!(wait(&throttle, &same, start()).await, 1);
        let other = of("another", "2001:db8:0:1::1");
        assert_eq!(wait(&throttle, &other, start()).await, 0);
    }

    #[tokio::test]
    async fn this_machine_is_not_kept_out_by_its_address() {
        let throttle = bench();
        for number in 0..50 {
            for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
                let attempt = of(&format!("user-{number}-{address}"), address);
                assert_eq!(wait(&throttle, &attempt, start()).await, 0);
            }
        }
    }

    #[tokio::test]
    async fn purposes_are_counted_apart_and_without_an_address_the_account_counts() {
        let throttle = bench();
        let sign_in = Attempt::of("sign-in", "ada", None);
        for _ in 0..3 {
            assert_eq!(wait(&throttle, &sign_in, start()).await, 0);
        }
        assert_eq!(wait(&throttle, &sign_in, start()).await, 1);
        let forgotten = Attempt::of("forgot", "ada", None);
        assert_eq!(wait(&throttle, &forgotten, start()).await, 0);
    }
}
