//! Virtual keys before they had revisions, and an allowance with one.

use inkstone_domain::allowance::Subject;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::KeyId;
use surrealdb::types::Bytes;

use super::*;

/// As engines of the time of `0008_gateway` wrote it.
pub(super) async fn insert_without_revision(store: &SurrealStore, owner: UserId) {
    let statement = Statement::new(
        "CREATE type::record('virtual_key', $key) CONTENT {
            key: $key,
            name: 'robot',
            owner: $owner,
            models: ['local/*'],
            allowance: '{}',
            metadata: '{}',
            token_hash: $token_hash,
            hint: 'x7Qz',
            created_at: time::now()
        } RETURN NONE",
    )
    .bind("key", KeyId::new().to_string())
    .bind("owner", owner.to_string())
    .bind("token_hash", Bytes::from(vec![7; 32]));
    write(store, statement).await;
}

pub(super) async fn set_allowance(store: &SurrealStore, user: UserId, audit: &AuditRecord) {
    let (subject, allowance) = (Subject::User(user), Some(sample::allowance()));
    store
        .set_allowance(&subject, allowance, None, audit)
        .await
        .unwrap();
}
