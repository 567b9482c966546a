//! The suite of [`PeopleStore`].

use futures::future::join_all;
use inkstone_domain::codes;
use inkstone_domain::content::PageRequest;
use inkstone_domain::ids::{ApiKeyId, InvitationId, UserId};
use inkstone_domain::people::{MailPurpose, SecondFactor};
use inkstone_domain::ports::{AuditLog, PeopleStore, UserStore};
use inkstone_domain::principal::Role;

use super::audit::whole_chain;
use super::{CROWD, assert_code};
use crate::sample;

pub async fn run(store: &dyn PeopleStore, users: &dyn UserStore, log: &dyn AuditLog) {
    keeps_invitations(store).await;
    one_invitation_for_each_address(store).await;
    an_invitation_becomes_one_account(store, users).await;
    an_unverified_account_gives_way(store, users).await;
    mail_tokens_are_spent_once(store).await;
    a_newer_mail_token_replaces_the_older(store).await;
    keeps_second_factors(store).await;
    a_time_step_is_spent_once(store).await;
    a_recovery_code_is_spent_once(store).await;
    keeps_api_keys(store).await;
    writes_changes_down(store, log).await;
}

pub async fn keeps_invitations(store: &dyn PeopleStore) {
    let mut own = Vec::new();
    for role in [Role::Viewer, Role::Creator, Role::Admin] {
        let invitation = sample::invitation(role);
        store
            .put_invitation(&invitation, sample::some_audit())
            .await
            .unwrap();
        own.insert(0, invitation);
    }
    let first = store.invitations(sample::first_page(2)).await.unwrap();
    assert_eq!(first.items, own[..2]);
    let page = PageRequest {
        limit: 1,
        cursor: first.next_cursor,
    };
    assert_eq!(store.invitations(page).await.unwrap().items, own[2..]);

    let (one, now) = (&own[0], sample::now());
    let found = store.invitation_by_token(one.token_hash, now).await;
    assert_eq!(found.unwrap().as_ref(), Some(one));
    let late = store.invitation_by_token(one.token_hash, one.expires_at);
    assert_eq!(late.await.unwrap(), None);
    let unknown = store.invitation_by_token([0; 32], now).await.unwrap();
    assert_eq!(unknown, None);

    store
        .remove_invitation(one.id, sample::some_audit())
        .await
        .unwrap();
    let gone = store.invitation_by_token(one.token_hash, now).await;
    assert_eq!(gone.unwrap(), None);
    assert_code(
        store.remove_invitation(one.id, sample::some_audit()).await,
        &codes::NOT_FOUND,
    );
}

pub async fn one_invitation_for_each_address(store: &dyn PeopleStore) {
    let first = sample::invitation(Role::Viewer);
    let mut second = sample::invitation(Role::Creator);
    second.email.clone_from(&first.email);
    store
        .put_invitation(&first, sample::some_audit())
        .await
        .unwrap();
    store
        .put_invitation(&second, sample::some_audit())
        .await
        .unwrap();
    let now = sample::now();
    let old = store.invitation_by_token(first.token_hash, now).await;
    assert_eq!(old.unwrap(), None);
    let new = store.invitation_by_token(second.token_hash, now).await;
    assert_eq!(new.unwrap(), Some(second));
}

pub async fn an_invitation_becomes_one_account(store: &dyn PeopleStore, users: &dyn UserStore) {
    let invitation = sample::invitation(Role::Creator);
    store
        .put_invitation(&invitation, sample::some_audit())
        .await
        .unwrap();
    let account = || {
        let mut account = sample::account(Role::Creator);
        account.user.email.clone_from(&invitation.email);
        account
    };
    let attempts =
        (0..CROWD).map(|_| store.accept_invitation(invitation.id, account(), sample::some_audit()));
    let results = join_all(attempts).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(accepted.len(), 1);
    for result in refused {
        assert_code(result, &codes::NOT_FOUND);
    }
    let made = users.account_by_email(&invitation.email).await.unwrap();
    assert!(made.is_some());

    // The address is taken by now: nothing is changed.
    let mut again = sample::invitation(Role::Creator);
    again.email.clone_from(&invitation.email);
    store
        .put_invitation(&again, sample::some_audit())
        .await
        .unwrap();
    let refused = store
        .accept_invitation(again.id, account(), sample::some_audit())
        .await;
    assert_code(refused, &codes::ALREADY_EXISTS);
    let kept = store.invitation_by_token(again.token_hash, sample::now());
    assert_eq!(kept.await.unwrap(), Some(again));
    let unknown = store.accept_invitation(
        InvitationId::new(),
        sample::account(Role::Viewer),
        sample::some_audit(),
    );
    assert_code(unknown.await, &codes::NOT_FOUND);
}

/// To another sign-up, and to an invitation; what was sent for it is good for nothing then.
pub async fn an_unverified_account_gives_way(store: &dyn PeopleStore, users: &dyn UserStore) {
    let invitation = sample::invitation(Role::Creator);
    let audit = sample::some_audit();
    store.put_invitation(&invitation, audit).await.unwrap();
    let account = |email_verified| {
        let mut account = sample::account(Role::Creator);
        account.user.email.clone_from(&invitation.email);
        account.user.email_verified = email_verified;
        account
    };
    let (first, second, invited) = (account(false), account(false), account(true));
    let now = sample::now();
    let mut tokens = Vec::new();
    for pending in [&first, &second] {
        users.create_user(pending.clone(), audit).await.unwrap();
        for purpose in [MailPurpose::VerifyEmail, MailPurpose::ResetPassword] {
            let token = sample::mail_token(pending.user.id, purpose);
            store.put_mail_token(&token).await.unwrap();
            tokens.push(token);
        }
    }
    let is_good = async |at: usize| {
        let token = &tokens[at];
        let found = store.mail_token(token.token_hash, token.purpose, now);
        found.await.unwrap().is_some()
    };
    let good = [is_good(0).await, is_good(1).await, is_good(2).await];
    assert_eq!(good, [false, false, true]);
    let accepted = store.accept_invitation(invitation.id, invited.clone(), audit);
    accepted.await.unwrap();
    assert!(!is_good(2).await && !is_good(3).await);
    for gone in [first, second] {
        assert_eq!(users.user(gone.user.id).await.unwrap(), None);
    }
    let found = users.account_by_email(&invitation.email).await.unwrap();
    assert_eq!(found.map(|account| account.user), Some(invited.user));
}

pub async fn mail_tokens_are_spent_once(store: &dyn PeopleStore) {
    let now = sample::now();
    let token = sample::mail_token(UserId::new(), MailPurpose::ResetPassword);
    let other = sample::mail_token(token.user, MailPurpose::VerifyEmail);
    store.put_mail_token(&token).await.unwrap();
    store.put_mail_token(&other).await.unwrap();
    let (hash, reset) = (token.token_hash, MailPurpose::ResetPassword);

    let seen = store.mail_token(hash, reset, now).await.unwrap();
    assert_eq!(seen.as_ref(), Some(&token));
    let misused = store.spend_mail_token(hash, MailPurpose::VerifyEmail, now);
    assert_eq!(misused.await.unwrap(), None);
    let late = store.spend_mail_token(hash, reset, token.expires_at);
    assert_eq!(late.await.unwrap(), None);

    let attempts = (0..CROWD).map(|_| store.spend_mail_token(hash, reset, now));
    let spent: Vec<_> = join_all(attempts).await;
    let spent: Vec<_> = spent.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(spent, [token]);
    let gone = store.mail_token(hash, reset, now).await.unwrap();
    assert_eq!(gone, None);
    let untouched = store.mail_token(other.token_hash, MailPurpose::VerifyEmail, now);
    assert_eq!(untouched.await.unwrap(), Some(other));
}

pub async fn a_newer_mail_token_replaces_the_older(store: &dyn PeopleStore) {
    let (now, reset) = (sample::now(), MailPurpose::ResetPassword);
    let old = sample::mail_token(UserId::new(), reset);
    let new = sample::mail_token(old.user, reset);
    let bystander = sample::mail_token(UserId::new(), reset);
    for token in [&bystander, &old, &new] {
        store.put_mail_token(token).await.unwrap();
    }
    let gone = store.spend_mail_token(old.token_hash, reset, now).await;
    assert_eq!(gone.unwrap(), None);
    for token in [new, bystander] {
        let spent = store.spend_mail_token(token.token_hash, reset, now).await;
        assert_eq!(spent.unwrap(), Some(token));
    }
}

pub async fn keeps_second_factors(store: &dyn PeopleStore) {
    let user = UserId::new();
    assert_eq!(store.second_factor(user).await.unwrap(), None);
    let begun = SecondFactor {
        confirmed_at: None,
        recovery_hashes: Vec::new(),
        last_step: 0,
        ..sample::second_factor(user)
    };
    store.put_second_factor(&begun, None).await.unwrap();
    assert_eq!(store.second_factor(user).await.unwrap(), Some(begun));
    let confirmed = sample::second_factor(user);
    store.put_second_factor(&confirmed, None).await.unwrap();
    let found = store.second_factor(user).await.unwrap();
    assert_eq!(found, Some(confirmed));
    store.remove_second_factor(user, None).await.unwrap();
    store.remove_second_factor(user, None).await.unwrap();
    assert_eq!(store.second_factor(user).await.unwrap(), None);
}

pub async fn a_time_step_is_spent_once(store: &dyn PeopleStore) {
    let factor = sample::second_factor(UserId::new());
    store.put_second_factor(&factor, None).await.unwrap();
    let user = factor.user;
    assert!(!store.spend_step(user, factor.last_step).await.unwrap());
    let attempts = (0..CROWD).map(|_| store.spend_step(user, factor.last_step + 2));
    let spent: Vec<bool> = join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(spent.iter().filter(|it| **it).count(), 1);
    assert!(!store.spend_step(user, factor.last_step + 1).await.unwrap());
    assert!(store.spend_step(user, factor.last_step + 3).await.unwrap());
    assert!(!store.spend_step(UserId::new(), 9).await.unwrap());
}

pub async fn a_recovery_code_is_spent_once(store: &dyn PeopleStore) {
    let factor = sample::second_factor(UserId::new());
    store.put_second_factor(&factor, None).await.unwrap();
    let (user, code) = (factor.user, factor.recovery_hashes[1]);
    let attempts = (0..CROWD).map(|_| store.spend_recovery_code(user, code));
    let spent: Vec<bool> = join_all(attempts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(spent.iter().filter(|it| **it).count(), 1);
    let left = store.second_factor(user).await.unwrap().unwrap();
    let kept = [factor.recovery_hashes[0], factor.recovery_hashes[2]];
    assert_eq!(left.recovery_hashes, kept);
    let unknown = store.spend_recovery_code(user, [9; 32]).await;
    assert!(!unknown.unwrap());
    let nobody = store.spend_recovery_code(UserId::new(), code).await;
    assert!(!nobody.unwrap());
}

pub async fn keeps_api_keys(store: &dyn PeopleStore) {
    let owner = UserId::new();
    let mut keys: Vec<_> = (0..3).map(|_| sample::api_key(owner)).collect();
    keys[1].expires_at = None;
    keys[1].scopes.clear();
    for key in keys.iter().rev() {
        store
            .create_api_key(key, sample::some_audit())
            .await
            .unwrap();
    }
    let own = async || {
        let mut kept = store.api_keys().await.unwrap();
        assert!(kept.is_sorted_by_key(|key| key.id));
        kept.retain(|key| key.owner == owner);
        kept
    };
    assert_eq!(own().await, keys);
    let twin = store.create_api_key(&keys[0], sample::some_audit()).await;
    assert_code(twin, &codes::ALREADY_EXISTS);
    store
        .remove_api_key(keys[0].id, sample::some_audit())
        .await
        .unwrap();
    assert_eq!(own().await, keys[1..]);
    let gone = store.remove_api_key(keys[0].id, sample::some_audit()).await;
    assert_code(gone, &codes::NOT_FOUND);
    let unknown = store
        .remove_api_key(ApiKeyId::new(), sample::some_audit())
        .await;
    assert_code(unknown, &codes::NOT_FOUND);
}

pub async fn writes_changes_down(store: &dyn PeopleStore, log: &dyn AuditLog) {
    let user = UserId::new();
    let audit = |number: i64| {
        let mut audit = sample::audit(user);
        audit.action = format!("test.{number}");
        audit
    };
    let refused = sample::audit(user);
    let (used, withdrawn) = (
        sample::invitation(Role::Viewer),
        sample::invitation(Role::Viewer),
    );
    store.put_invitation(&used, &audit(0)).await.unwrap();
    store.put_invitation(&withdrawn, &audit(1)).await.unwrap();
    let mut account = sample::account(Role::Viewer);
    account.user.email.clone_from(&used.email);
    let accepted = store
        .accept_invitation(used.id, account.clone(), &audit(2))
        .await;
    accepted.unwrap();
    let twice = store.accept_invitation(used.id, account, &refused).await;
    assert_code(twice, &codes::NOT_FOUND);
    let removed = store.remove_invitation(withdrawn.id, &audit(3)).await;
    removed.unwrap();
    let twice = store.remove_invitation(withdrawn.id, &refused).await;
    assert_code(twice, &codes::NOT_FOUND);

    let factor = sample::second_factor(user);
    store.put_second_factor(&factor, None).await.unwrap();
    let confirmed = store.put_second_factor(&factor, Some(&audit(4))).await;
    confirmed.unwrap();
    let off = store.remove_second_factor(user, Some(&audit(5))).await;
    off.unwrap();
    store.remove_second_factor(user, None).await.unwrap();

    let key = sample::api_key(user);
    store.create_api_key(&key, &audit(6)).await.unwrap();
    let twin = store.create_api_key(&key, &refused).await;
    assert_code(twin, &codes::ALREADY_EXISTS);
    store.remove_api_key(key.id, &audit(7)).await.unwrap();
    let twice = store.remove_api_key(key.id, &refused).await;
    assert_code(twice, &codes::NOT_FOUND);

    let chain = whole_chain(log).await;
    let own = chain.iter().map(|entry| &entry.record);
    let own = own.filter(|record| record.actor == Some(user));
    let told: Vec<&str> = own.map(|record| record.action.as_str()).collect();
    let wanted: Vec<String> = (0..8).map(|number| format!("test.{number}")).collect();
    assert_eq!(told, wanted, "refused changes are not written down");
}
