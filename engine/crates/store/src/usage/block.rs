//! Rows of `usage_block` and `usage_mark`: records that were written together, packed into one row. A
//! row and its indexes for each record cost more than all the rest of a call.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use inkstone_domain::ids::UsageId;
use inkstone_domain::usage::UsageRecord;
use surrealdb::types::{RecordId, SurrealValue};
use ulid::Ulid;

use crate::row::{RowResult, parse, unreadable};

pub(super) const TABLE: &str = "usage_block";

/// How far apart the ids of one block may be, so that who looks for an id knows which blocks to look at.
pub(super) const SPAN_MS: u64 = 60 * 60 * 1_000;

#[derive(Clone, SurrealValue)]
pub(super) struct BlockRow {
    pub(super) id: RecordId,
    first: String,
    pub(super) last: String,
    ids: Bytes,
    records: Bytes,
}

#[derive(Clone, SurrealValue)]
pub(super) struct MarkRow {
    subject: String,
    first: String,
    last: String,
    block: RecordId,
}

/// Records by id, as few groups as can be of those that fit into one block.
pub(super) fn groups<'r>(
    records: impl IntoIterator<Item = &'r UsageRecord>,
) -> Vec<Vec<&'r UsageRecord>> {
    let mut sorted: Vec<&UsageRecord> = records.into_iter().collect();
    sorted.sort_by_key(|record| record.id);
    let mut groups = Vec::new();
    let mut rest = sorted.as_slice();
    while let Some(first) = rest.first() {
        let end = first.id.0.timestamp_ms() + SPAN_MS;
        let count = rest.partition_point(|record| record.id.0.timestamp_ms() < end);
        let (group, later) = rest.split_at(count);
        groups.push(group.to_vec());
        rest = later;
    }
    groups
}

/// As few blocks as can be, each with its marks. No two records have the same id.
pub(super) fn blocks(records: &[&UsageRecord]) -> RowResult<(Vec<BlockRow>, Vec<MarkRow>)> {
    let (mut rows, mut marks) = (Vec::new(), Vec::new());
    for block in groups(records.iter().copied()) {
        let row = BlockRow::of(&block)?;
        let subjects: BTreeSet<_> = block.iter().flat_map(|it| it.subjects()).collect();
        marks.extend(subjects.into_iter().map(|subject| MarkRow {
            subject: subject.to_string(),
            first: row.first.clone(),
            last: row.last.clone(),
            block: row.id.clone(),
        }));
        rows.push(row);
    }
    Ok((rows, marks))
}

impl BlockRow {
    /// `records` by id, at least one.
    fn of(records: &[&UsageRecord]) -> RowResult<Self> {
        let packed = pack(records).map_err(|error| unreadable(TABLE, error))?;
        let ids: Vec<u8> = records.iter().flat_map(|it| it.id.0.to_bytes()).collect();
        let text = |record: Option<&&UsageRecord>| {
            record
                .map(|record| record.id.to_string())
                .unwrap_or_default()
        };
        let first = text(records.first());
        Ok(Self {
            id: RecordId::new(TABLE, first.clone()),
            first,
            last: text(records.last()),
            ids: Bytes::from(ids),
            records: Bytes::from(packed),
        })
    }

    pub(super) fn first(&self) -> RowResult<UsageId> {
        parse(TABLE, &self.first)
    }

    pub(super) fn records(&self) -> RowResult<Vec<UsageRecord>> {
        let mut text = Vec::new();
        DeflateDecoder::new(self.records.as_ref())
            .read_to_end(&mut text)
            .map_err(|error| unreadable(TABLE, error))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(TABLE, error))
    }
}

fn pack(records: &[&UsageRecord]) -> std::io::Result<Vec<u8>> {
    // In one piece: the encoder takes its time for each write.
    let text = serde_json::to_vec(records)?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&text)?;
    packed.finish()
}

/// The ids of a block, from its `ids`.
pub(super) fn ids(bytes: &[u8]) -> impl Iterator<Item = UsageId> {
    let (ids, _rest) = bytes.as_chunks::<16>();
    ids.iter().map(|id| UsageId(Ulid::from_bytes(*id)))
}

/// The lowest id of `ms` after 1970.
pub(super) fn lowest_at(ms: u64) -> UsageId {
    UsageId(Ulid::from_parts(ms, 0))
}
