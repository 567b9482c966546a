//! Files that come with an import: the part of its step that makes or changes one, with all versions that
//! come at once.

use inkstone_domain::event::Scope;
use inkstone_domain::ports::MediaArrival;

use super::row::{BlobRow, MediaRow, VersionRow};
use super::{hold, quota, subject, take_space};
use crate::audit::transaction;
use crate::events::tell;
use crate::row::RowResult;
use crate::statement::Statement;

const PUT_VERSIONS: &str = concat!(
    take_space!("0"),
    "
    FOR $version IN $versions {
        CREATE type::record('media_version', [$row.key, $version.version]) CONTENT $version RETURN NONE;
    };
    FOR $blob IN $blobs {
        CREATE type::record('media_blob', $blob.key) CONTENT $blob RETURN NONE;
    };
    ",
    tell!()
);
const CREATE: &str = "
    CREATE type::record('media', $row.key) CONTENT $row RETURN NONE;
";
const UPDATE: &str = concat!(
    hold!(),
    "
    UPDATE type::record('media', $row.key) CONTENT $row RETURN NONE;
    "
);

/// `step` and a file that is new, in one transaction.
pub(crate) fn creating(step: &str, arrival: MediaArrival) -> RowResult<Statement> {
    arriving(&format!("{step} {CREATE} {PUT_VERSIONS}"), arrival)
}

/// The same for one that is there.
pub(crate) fn updating(step: &str, arrival: MediaArrival) -> RowResult<Statement> {
    arriving(&format!("{step} {UPDATE} {PUT_VERSIONS}"), arrival)
}

fn arriving(parts: &str, arrival: MediaArrival) -> RowResult<Statement> {
    let MediaArrival {
        media,
        versions,
        quota_bytes,
        event,
        audit,
    } = arrival;
    let more: u64 = versions
        .iter()
        .map(|version| version.content.size_bytes)
        .sum();
    let blobs: Vec<BlobRow> = versions
        .iter()
        .map(|version| BlobRow::of_version(&media, version))
        .collect();
    let rows: RowResult<Vec<VersionRow>> = versions
        .iter()
        .map(|version| VersionRow::of_version(&media, version))
        .collect();
    let told = event.within(Scope::of_media(&media));
    transaction(parts, audit.as_ref())
        .about(subject(media.id))
        .bind("project", media.project.as_str())
        .bind("more", more)
        .bind("quota", quota(quota_bytes))
        .bind("row", MediaRow::of(&media)?)
        .bind("versions", rows?)
        .bind("blobs", blobs)
        .tell(told)
}
