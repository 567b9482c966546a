//! What people have beside their accounts, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::api_key::ApiKey;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::{ApiKeyId, InvitationId, UserId};
use inkstone_domain::people::{Invitation, MailPurpose, MailToken, SecondFactor};
use inkstone_domain::ports::PeopleStore;
use inkstone_domain::principal::Account;

use super::{MemStore, already_exists, not_found, page_of};

#[async_trait]
impl PeopleStore for MemStore {
    async fn put_invitation(&self, invitation: &Invitation, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let invitations = &mut state.invitations;
        invitations.retain(|_, known| known.email != invitation.email);
        invitations.insert(invitation.id, invitation.clone());
        state.append_audit(audit);
        Ok(())
    }

    async fn invitation_by_token(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Invitation>> {
        let state = self.state();
        let mut found = state.invitations.values();
        let found = found.find(|it| it.token_hash == token_hash && it.expires_at > now);
        Ok(found.cloned())
    }

    async fn invitations(&self, page: PageRequest) -> Result<Page<Invitation>> {
        let state = self.state();
        let newest_first = state.invitations.iter().rev();
        let items = newest_first.map(|(id, it)| (*id, it.clone()));
        page_of(items, &page, |cursor| cursor.parse().ok())
    }

    async fn remove_invitation(&self, id: InvitationId, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let removed = state.invitations.remove(&id);
        removed.ok_or_else(|| not_found("invitation", id))?;
        state.append_audit(audit);
        Ok(())
    }

    async fn accept_invitation(
        &self,
        id: InvitationId,
        account: Account,
        audit: &AuditRecord,
    ) -> Result<()> {
        let mut state = self.state();
        if !state.invitations.contains_key(&id) {
            return Err(not_found("invitation", id));
        }
        state.insert_account(account)?;
        state.invitations.remove(&id);
        state.append_audit(audit);
        Ok(())
    }

    async fn put_mail_token(&self, token: &MailToken) -> Result<()> {
        let tokens = &mut self.state().mail_tokens;
        tokens.retain(|known| (known.user, known.purpose) != (token.user, token.purpose));
        tokens.push(token.clone());
        Ok(())
    }

    async fn mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>> {
        let state = self.state();
        let mut tokens = state.mail_tokens.iter();
        Ok(tokens
            .find(|token| fits(token, token_hash, purpose, now))
            .cloned())
    }

    async fn spend_mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>> {
        let tokens = &mut self.state().mail_tokens;
        let place = tokens
            .iter()
            .position(|token| fits(token, token_hash, purpose, now));
        Ok(place.map(|place| tokens.remove(place)))
    }

    async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>> {
        Ok(self.state().second_factors.get(&user).cloned())
    }

    async fn put_second_factor(
        &self,
        factor: &SecondFactor,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        let mut state = self.state();
        state.second_factors.insert(factor.user, factor.clone());
        state.append_some_audit(audit);
        Ok(())
    }

    async fn remove_second_factor(&self, user: UserId, audit: Option<&AuditRecord>) -> Result<()> {
        let mut state = self.state();
        state.second_factors.remove(&user);
        state.append_some_audit(audit);
        Ok(())
    }

    async fn spend_step(&self, user: UserId, step: u64) -> Result<bool> {
        let mut state = self.state();
        match state.second_factors.get_mut(&user) {
            Some(factor) if factor.last_step < step => {
                factor.last_step = step;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    async fn spend_recovery_code(&self, user: UserId, code_hash: [u8; 32]) -> Result<bool> {
        let mut state = self.state();
        let Some(factor) = state.second_factors.get_mut(&user) else {
            return Ok(false);
        };
        let before = factor.recovery_hashes.len();
        factor.recovery_hashes.retain(|hash| *hash != code_hash);
        Ok(factor.recovery_hashes.len() < before)
    }

    async fn create_api_key(&self, key: &ApiKey, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        if state.api_keys.contains_key(&key.id) {
            return Err(already_exists("API key", key.id));
        }
        state.api_keys.insert(key.id, key.clone());
        state.append_audit(audit);
        Ok(())
    }

    async fn remove_api_key(&self, id: ApiKeyId, audit: &AuditRecord) -> Result<()> {
        let mut state = self.state();
        let removed = state.api_keys.remove(&id);
        removed.ok_or_else(|| not_found("API key", id))?;
        state.append_audit(audit);
        Ok(())
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        Ok(self.state().api_keys.values().cloned().collect())
    }
}

fn fits(token: &MailToken, hash: [u8; 32], purpose: MailPurpose, now: DateTime<Utc>) -> bool {
    token.token_hash == hash && token.purpose == purpose && token.expires_at > now
}
