//! Who people are at other issuers, in memory.

use async_trait::async_trait;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::UserId;
use inkstone_domain::people::Identity;
use inkstone_domain::ports::IdentityStore;
use inkstone_domain::principal::Account;
use inkstone_domain::{Error, Result, codes};

use super::{MemStore, State, not_found};

#[async_trait]
impl IdentityStore for MemStore {
    async fn link_identity(&self, identity: &Identity, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        state.check_unlinked(identity)?;
        state.insert_identity(identity);
        state.append_audit(audit);
        Ok(())
    }

    async fn create_linked_user(
        &self,
        account: Account,
        identity: &Identity,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        state.check_unlinked(identity)?;
        state.insert_account(account)?;
        state.insert_identity(identity);
        state.append_audit(audit);
        Ok(())
    }

    async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<Identity>> {
        let place = (issuer.to_owned(), subject.to_owned());
        Ok(self.state().identities.get(&place).cloned())
    }

    async fn identities(&self, user: UserId) -> Result<Vec<Identity>> {
        let state = self.state();
        let own = state.identities.values().filter(|it| it.user == user);
        Ok(own.cloned().collect())
    }

    async fn unlink_identity(&self, user: UserId, issuer: &str, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let before = state.identities.len();
        state
            .identities
            .retain(|_, it| it.user != user || it.issuer != issuer);
        if state.identities.len() == before {
            return Err(not_found("identity at", issuer));
        }
        state.append_audit(audit);
        Ok(())
    }
}

impl State {
    fn check_unlinked(&self, identity: &Identity) -> Result<()> {
        let place = (identity.issuer.clone(), identity.subject.clone());
        match self.identities.contains_key(&place) {
            true => Err(Error::new(
                &codes::ALREADY_EXISTS,
                "this identity is linked to an account already",
            )),
            false => Ok(()),
        }
    }

    fn insert_identity(&mut self, identity: &Identity) {
        let place = (identity.issuer.clone(), identity.subject.clone());
        self.identities.insert(place, identity.clone());
    }
}
