//! The suite of [`TryCounter`].

use std::time::Duration;

use inkstone_domain::ports::{Trier, TryCounter, Waits};

const WAITS: Waits = Waits {
    first: Duration::from_secs(100),
    longest: Duration::from_secs(1_000),
    forget_after: Duration::from_secs(3_600),
};

/// Two engines' ends of one counter, or one twice.
pub async fn run(one: &dyn TryCounter, other: &dyn TryCounter) {
    tries_of_an_account_add_up(one, other).await;
    who_waits_is_not_counted(one, other).await;
    forgiving_starts_anew(one, other).await;
    an_address_has_one_try_back(one, other).await;
}

async fn tries_of_an_account_add_up(one: &dyn TryCounter, other: &dyn TryCounter) {
    let account = trier(3);
    for (number, counter) in [one, other, one].into_iter().enumerate() {
        // From ever new addresses: that does not help.
        let begun = counter.begin(account, Some(trier(9)), WAITS).await;
        assert_eq!(begun.unwrap(), None, "{number}");
    }
    assert_waits(
        other.begin(account, Some(trier(9)), WAITS).await.unwrap(),
        100,
    );
    assert_waits(one.begin(account, None, WAITS).await.unwrap(), 100);
    assert_eq!(one.begin(trier(3), None, WAITS).await.unwrap(), None);
}

async fn who_waits_is_not_counted(one: &dyn TryCounter, other: &dyn TryCounter) {
    let address = trier(1);
    assert_eq!(
        one.begin(trier(2), Some(address), WAITS).await.unwrap(),
        None
    );
    // The address waits, so the account has not tried.
    let account = trier(2);
    for counter in [one, other, one, other] {
        assert_waits(
            counter.begin(account, Some(address), WAITS).await.unwrap(),
            100,
        );
    }
    for counter in [other, one] {
        assert_eq!(counter.begin(account, None, WAITS).await.unwrap(), None);
    }
    assert_waits(other.begin(account, None, WAITS).await.unwrap(), 100);
}

async fn forgiving_starts_anew(one: &dyn TryCounter, other: &dyn TryCounter) {
    let account = trier(2);
    for _ in 0..3 {
        assert_eq!(one.begin(account, None, WAITS).await.unwrap(), None);
        other.forgive(account, None).await.unwrap();
    }
    let nobody = trier(2);
    one.forgive(nobody, Some(trier(2))).await.unwrap();
}

async fn an_address_has_one_try_back(one: &dyn TryCounter, other: &dyn TryCounter) {
    let address = trier(2);
    assert_eq!(
        one.begin(trier(9), Some(address), WAITS).await.unwrap(),
        None
    );
    let account = trier(9);
    assert_eq!(
        other.begin(account, Some(address), WAITS).await.unwrap(),
        None
    );
    assert_waits(
        one.begin(trier(9), Some(address), WAITS).await.unwrap(),
        100,
    );
    other.forgive(account, Some(address)).await.unwrap();
    assert_eq!(
        one.begin(trier(9), Some(address), WAITS).await.unwrap(),
        None
    );
    assert_waits(
        one.begin(trier(9), Some(address), WAITS).await.unwrap(),
        100,
    );
}

/// Somebody new.
fn trier(free: u32) -> Trier {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&ulid::Ulid::new().to_bytes());
    Trier { key, free }
}

#[track_caller]
fn assert_waits(wait: Option<Duration>, most_s: u64) {
    let wait = wait.expect("it was let through");
    let most = Duration::from_secs(most_s);
    assert!(wait <= most && wait > most / 2, "{wait:?}");
}
