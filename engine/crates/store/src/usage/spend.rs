//! Rows of `spend`: what a batch of records adds to the days of its subjects, and what is read back.

use std::collections::BTreeMap;

use inkstone_domain::allowance::{DaySpend, Spend, Subject};
use inkstone_domain::money::Money;
use inkstone_domain::usage::UsageRecord;
use surrealdb::types::SurrealValue;

use super::row::{bounded, day_text};
use crate::failure::StoreFailure;
use crate::keys::subject_of;
use crate::row::{RowResult, parse};

const TABLE: &str = "spend";

#[derive(SurrealValue)]
pub(super) struct SpendRow {
    subject: String,
    day: String,
    money_nanos: u64,
    tokens: u64,
}

/// One row for each subject and day. They are added up here, so that a batch writes a day's row once.
pub(super) fn sums(records: &[&UsageRecord]) -> Vec<SpendRow> {
    let mut sums: BTreeMap<(Subject, String), Spend> = BTreeMap::new();
    for record in records {
        let Spend { money, tokens } = record.spend();
        let spend = Spend {
            money: Money(bounded(money.0)),
            tokens: bounded(tokens),
        };
        for subject in record.subjects() {
            *sums.entry((subject, day_text(record))).or_default() += spend;
        }
    }
    let rows = sums.into_iter().map(|((subject, day), spend)| SpendRow {
        subject: subject.to_string(),
        day,
        money_nanos: spend.money.0,
        tokens: spend.tokens,
    });
    rows.collect()
}

impl TryFrom<SpendRow> for DaySpend {
    type Error = StoreFailure;

    fn try_from(row: SpendRow) -> RowResult<Self> {
        Ok(Self {
            subject: subject_of(TABLE, &row.subject)?,
            day: parse(TABLE, &row.day)?,
            spend: Spend {
                money: Money(row.money_nanos),
                tokens: row.tokens,
            },
        })
    }
}
