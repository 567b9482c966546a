//! The port over what people have beside their accounts. Each kind of it has a file, named after its table.

mod api_keys;
mod identities;
mod invitations;
mod mail_tokens;
mod second_factors;

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

use crate::connection::SurrealStore;

#[async_trait]
impl PeopleStore for SurrealStore {
    async fn put_invitation(&self, invitation: &Invitation, audit: &AuditRecord) -> Result<()> {
        Ok(self.replace_invitation(invitation, audit).await?)
    }

    async fn invitation_by_token(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Invitation>> {
        Ok(self.find_invitation(token_hash, now).await?)
    }

    async fn invitations(&self, page: PageRequest) -> Result<Page<Invitation>> {
        Ok(self.list_invitations(page).await?)
    }

    async fn remove_invitation(&self, id: InvitationId, audit: &AuditRecord) -> Result<()> {
        Ok(self.delete_invitation(id, audit).await?)
    }

    async fn accept_invitation(
        &self,
        id: InvitationId,
        account: Account,
        audit: &AuditRecord,
    ) -> Result<()> {
        Ok(self.turn_into_account(id, account, audit).await?)
    }

    async fn put_mail_token(&self, token: &MailToken) -> Result<()> {
        Ok(self.replace_mail_token(token).await?)
    }

    async fn mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>> {
        Ok(self.find_mail_token(token_hash, purpose, now).await?)
    }

    async fn spend_mail_token(
        &self,
        token_hash: [u8; 32],
        purpose: MailPurpose,
        now: DateTime<Utc>,
    ) -> Result<Option<MailToken>> {
        Ok(self.take_mail_token(token_hash, purpose, now).await?)
    }

    async fn second_factor(&self, user: UserId) -> Result<Option<SecondFactor>> {
        Ok(self.find_second_factor(user).await?)
    }

    async fn put_second_factor(
        &self,
        factor: &SecondFactor,
        audit: Option<&AuditRecord>,
    ) -> Result<()> {
        Ok(self.replace_second_factor(factor, audit).await?)
    }

    async fn remove_second_factor(&self, user: UserId, audit: Option<&AuditRecord>) -> Result<()> {
        Ok(self.delete_second_factor(user, audit).await?)
    }

    async fn spend_step(&self, user: UserId, step: u64) -> Result<bool> {
        Ok(self.take_step(user, step).await?)
    }

    async fn spend_recovery_code(&self, user: UserId, code_hash: [u8; 32]) -> Result<bool> {
        Ok(self.take_recovery_code(user, code_hash).await?)
    }

    async fn create_api_key(&self, key: &ApiKey, audit: &AuditRecord) -> Result<()> {
        Ok(self.insert_api_key(key, audit).await?)
    }

    async fn remove_api_key(&self, id: ApiKeyId, audit: &AuditRecord) -> Result<()> {
        Ok(self.delete_api_key(id, audit).await?)
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>> {
        Ok(self.all_api_keys().await?)
    }
}
