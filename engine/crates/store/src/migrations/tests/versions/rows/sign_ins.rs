//! A sign-in whose tokens share a part.

use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ports::UserStore;

use super::*;

pub(super) async fn begin(store: &SurrealStore, user: UserId, audit: &AuditRecord) {
    let session = sample::session(user, [8; 32]);
    assert!(session.family_hash.is_some());
    store.create_session(session, None, audit).await.unwrap();
}
