//! What was spent, for people: the ledger's lines and sums, and what everybody may use.

use std::sync::Arc;

use inkstone_domain::allowance::{Allowance, Period, Spend, Subject};
use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ports::{Clock, EngineBus, KeyStore, News, UsageLedger};
use inkstone_domain::principal::Principal;
use inkstone_domain::usage::{UsageDimension, UsageFilter, UsageGroup, UsageRecord};
use inkstone_domain::{Error, Result, codes};
use serde_json::json;
use tokio::sync::Mutex;

use crate::gateway::Limits;
use crate::keys::{Keys, check_admin};
use crate::policy::{self, Act, Standing as Towards, check_open};
use crate::projects::check_revision;

/// Reads the ledger, and sets what may be used.
pub struct Usage {
    ledger: Arc<dyn UsageLedger>,
    store: Arc<dyn KeyStore>,
    keys: Arc<Keys>,
    limits: Arc<Limits>,
    bus: Arc<dyn EngineBus>,
    clock: Arc<dyn Clock>,
    /// What is read of an allowance is not put over what was set in the meantime.
    setting: Mutex<()>,
}

/// What a subject may use, and what it used.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub subject: Subject,
    pub allowance: Allowance,
    /// Of the allowance; 0 where only the configuration has one.
    pub revision: u64,
    /// By day, week and month, in this order, up to now.
    pub spent: [(Period, Spend); 3],
}

/// More dimensions than this at once are no overview.
const MAX_DIMENSIONS: usize = 3;

impl Usage {
    pub fn new(
        ledger: Arc<dyn UsageLedger>,
        store: Arc<dyn KeyStore>,
        keys: Arc<Keys>,
        limits: Arc<Limits>,
        bus: Arc<dyn EngineBus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            ledger,
            store,
            keys,
            limits,
            bus,
            clock,
            setting: Mutex::default(),
        }
    }

    /// Lines of the ledger, newest first: own ones, those of everybody for admins.
    pub async fn list(
        &self,
        principal: &Principal,
        filter: UsageFilter,
        page: PageRequest,
    ) -> Result<Page<UsageRecord>> {
        let filter = visible(principal, filter)?;
        self.ledger.list_usage(&filter, page).await
    }

    /// Sums, by up to three dimensions.
    pub async fn sum(
        &self,
        principal: &Principal,
        filter: UsageFilter,
        by: &[UsageDimension],
    ) -> Result<Vec<UsageGroup>> {
        if by.len() > MAX_DIMENSIONS {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                format!("at most {MAX_DIMENSIONS} dimensions at once are possible"),
            ));
        }
        let filter = visible(principal, filter)?;
        self.ledger.sum_usage(&filter, by).await
    }

    /// What a subject may use, and what it used: of oneself and one's keys, of everybody for admins.
    pub async fn standing(&self, principal: &Principal, subject: Subject) -> Result<Standing> {
        let (allowance, revision) = match &subject {
            Subject::Key(id) => {
                let key = self.keys.show(principal, *id).await?;
                (key.allowance, key.revision)
            }
            Subject::User(user) if *user == principal.user => self.stored(&subject).await?,
            _ => {
                check_admin(principal)?;
                self.stored(&subject).await?
            }
        };
        let spent = [Period::Day, Period::Week, Period::Month];
        Ok(Standing {
            allowance,
            spent: spent.map(|period| (period, self.limits.spent(&subject, period))),
            subject,
            revision,
        })
    }

    /// What holds of a subject as it is stored, so that its revision is of what is shown.
    async fn stored(&self, subject: &Subject) -> Result<(Allowance, u64)> {
        let _setting = self.setting.lock().await;
        self.read_stored(subject).await
    }

    async fn read_stored(&self, subject: &Subject) -> Result<(Allowance, u64)> {
        let (set, revision) = self.store.allowance(subject).await?;
        self.limits.set_allowance(subject.clone(), set);
        Ok((self.limits.allowance_of(subject), revision))
    }

    /// Sets what a user, project or model may use; `None` goes back to the configuration. Needs the role
    /// admin. A key's allowance is a part of the key. With `expected` the stored revision must be that one,
    /// else `revision_mismatch`.
    pub async fn set_allowance(
        &self,
        principal: &Principal,
        subject: Subject,
        allowance: Option<Allowance>,
        expected: Option<u64>,
    ) -> Result<()> {
        check_open(principal, Act::SetAllowance, "this needs the role `admin`")?;
        if matches!(subject, Subject::Key(_)) {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "what a key may use is a part of the key; change it at `/v1/keys/{id}`",
            ));
        }
        let action = match allowance {
            Some(_) => actions::LIMITS_SET,
            None => actions::LIMITS_REMOVED,
        };
        let _setting = self.setting.lock().await;
        let (before, stored) = self.read_stored(&subject).await?;
        check_revision(&format!("allowance of `{subject}`"), stored, expected)?;
        let before = json!(before);
        let after = allowance.map(|allowance| json!(allowance));
        let audit = AuditRecord::by(principal, self.clock.now(), action, &subject)
            .with_states(Some(&before), after.as_ref());
        self.store
            .set_allowance(&subject, allowance, expected, &audit)
            .await?;
        self.limits.set_allowance(subject, allowance);
        self.bus.tell(News::Allowances);
        Ok(())
    }
}

/// Nobody sees what others spent, admins excepted.
fn visible(principal: &Principal, filter: UsageFilter) -> Result<UsageFilter> {
    let is_own = filter.user.is_none_or(|user| user == principal.user);
    let why = "what others spent is for admins; leave `user` out";
    let forbidden = || Error::new(&codes::FORBIDDEN, why);
    policy::check(
        Towards::of(principal, is_own),
        Act::SeeSpending,
        why,
        forbidden,
    )?;
    match principal.is_admin() {
        true => Ok(filter),
        false => Ok(UsageFilter {
            user: Some(principal.user),
            ..filter
        }),
    }
}
