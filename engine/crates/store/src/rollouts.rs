//! The tables `rollout` and `served`: how far each canary has come, and what served when.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use inkstone_domain::Result;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::ids::ServedId;
use inkstone_domain::ports::RolloutStore;
use inkstone_domain::rollout::{RolloutChange, RolloutState, RolloutStatus, Served, ServedCause};
use surrealdb::types::{RecordId, SurrealValue};

use crate::articles::read_all;
use crate::connection::SurrealStore;
use crate::failure::StoreFailure;
use crate::pages::Place;
use crate::row::{RowResult, parse, unknown_word};
use crate::statement::Statement;

const ROLLOUT: &str = "rollout";
const SERVED: &str = "served";

#[derive(SurrealValue)]
struct RolloutRow {
    plugin: String,
    version: String,
    digest: String,
    status: String,
    step: u32,
    good_minutes: u32,
    since: DateTime<Utc>,
    reason: Option<String>,
}

#[derive(SurrealValue)]
struct ServedRow {
    id: RecordId,
    key: String,
    plugin: String,
    version: String,
    digest: String,
    share: f64,
    began_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    cause: String,
    reason: Option<String>,
}

#[async_trait]
impl RolloutStore for SurrealStore {
    async fn rollout(&self, plugin: &str, digest: &str) -> Result<Option<RolloutState>> {
        let statement =
            Statement::new("SELECT * FROM ONLY type::record('rollout', [$plugin, $digest])")
                .bind("plugin", plugin)
                .bind("digest", digest);
        let row: Option<RolloutRow> = self.read(statement).await?;
        Ok(row.map(RolloutState::try_from).transpose()?)
    }

    async fn record_rollout(&self, change: &RolloutChange) -> Result<()> {
        let rows: Vec<ServedRow> = change.served.iter().map(ServedRow::from).collect();
        let keys: Vec<RecordId> = rows.iter().map(|row| row.id.clone()).collect();
        // A change may be written again after a lost answer, and by then others may have followed.
        let statement = Statement::new(
            "{
                IF $state != NONE {
                    UPSERT type::record('rollout', [$state.plugin, $state.digest])
                        CONTENT $state RETURN NONE;
                };
                IF array::len($rows) > 0 AND array::len((SELECT VALUE id FROM $keys)) = 0 {
                    UPDATE served SET ended_at = $at
                        WHERE plugin = $plugin AND ended_at = NONE RETURN NONE;
                    INSERT INTO served $rows RETURN NONE;
                };
                RETURN NONE;
            }",
        )
        .about(format!("rollout of `{}`", change.plugin))
        .bind("plugin", change.plugin.clone())
        .bind("at", change.at)
        .bind("state", change.state.as_ref().map(RolloutRow::from))
        .bind("keys", keys)
        .bind("rows", rows);
        Ok(self.write(statement).await?)
    }

    async fn serving(&self, plugin: &str) -> Result<Vec<Served>> {
        let statement = Statement::new(
            "SELECT * FROM served WHERE plugin = $plugin AND ended_at = NONE ORDER BY key",
        )
        .bind("plugin", plugin);
        let rows: Vec<ServedRow> = self.read(statement).await?;
        Ok(read_all(rows)?)
    }

    async fn list_served(&self, plugin: &str, page: PageRequest) -> Result<Page<Served>> {
        let place: Place<ServedId> = Place::of(&page)?;
        let text = match place.before {
            None => "SELECT * FROM served WHERE plugin = $plugin ORDER BY key DESC LIMIT $rows",
            Some(_) => {
                "SELECT * FROM served WHERE plugin = $plugin AND key < $before \
                 ORDER BY key DESC LIMIT $rows"
            }
        };
        let statement = Statement::new(text)
            .bind("plugin", plugin)
            .bind("before", place.before.map(|id| id.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<ServedRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |served: &Served| served.id))
    }
}

impl From<&RolloutState> for RolloutRow {
    fn from(state: &RolloutState) -> Self {
        Self {
            plugin: state.plugin.clone(),
            version: state.version.clone(),
            digest: state.digest.clone(),
            status: state.status.as_str().to_owned(),
            step: state.step,
            good_minutes: state.good_minutes,
            since: state.since,
            reason: state.reason.clone(),
        }
    }
}

impl TryFrom<RolloutRow> for RolloutState {
    type Error = StoreFailure;

    fn try_from(row: RolloutRow) -> RowResult<Self> {
        Ok(Self {
            status: status_of(&row.status)?,
            plugin: row.plugin,
            version: row.version,
            digest: row.digest,
            step: row.step,
            good_minutes: row.good_minutes,
            since: row.since,
            reason: row.reason,
        })
    }
}

impl From<&Served> for ServedRow {
    fn from(served: &Served) -> Self {
        let key = served.id.to_string();
        Self {
            id: RecordId::new(SERVED, key.clone()),
            key,
            plugin: served.plugin.clone(),
            version: served.version.clone(),
            digest: served.digest.clone(),
            share: served.share,
            began_at: served.from,
            ended_at: served.to,
            cause: served.cause.as_str().to_owned(),
            reason: served.reason.clone(),
        }
    }
}

impl TryFrom<ServedRow> for Served {
    type Error = StoreFailure;

    fn try_from(row: ServedRow) -> RowResult<Self> {
        Ok(Self {
            id: parse(SERVED, &row.key)?,
            plugin: row.plugin,
            version: row.version,
            digest: row.digest,
            share: row.share,
            from: row.began_at,
            to: row.ended_at,
            cause: cause_of(&row.cause)?,
            reason: row.reason,
        })
    }
}

fn status_of(word: &str) -> RowResult<RolloutStatus> {
    match word {
        "running" => Ok(RolloutStatus::Running),
        "promoted" => Ok(RolloutStatus::Promoted),
        "rolled_back" => Ok(RolloutStatus::RolledBack),
        _ => Err(unknown_word(ROLLOUT, "status", word)),
    }
}

fn cause_of(word: &str) -> RowResult<ServedCause> {
    let mut all = ServedCause::ALL.into_iter();
    all.find(|cause| cause.as_str() == word)
        .ok_or_else(|| unknown_word(SERVED, "cause", word))
}
