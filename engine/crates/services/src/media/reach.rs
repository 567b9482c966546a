//! Who asks: what the principal is to a file or its project. In `default` nobody has a role over the files
//! of others, as with articles. The rules themselves stand in `policy`.

use inkstone_domain::audit::AuditRecord;
use inkstone_domain::ids::MediaId;
use inkstone_domain::media::{Media, MediaFilter};
use inkstone_domain::principal::Principal;
use inkstone_domain::project::{DEFAULT_PROJECT, ProjectRole};
use inkstone_domain::{Error, Result, codes};
use serde_json::{Value, json};

use super::MediaLibrary;
use crate::policy::{self, Act, Standing, Verdict};

impl MediaLibrary {
    /// A file that is not in the trash, and what the principal is to it.
    pub(super) async fn readable(
        &self,
        principal: &Principal,
        id: MediaId,
    ) -> Result<(Media, Standing)> {
        let (media, standing) = self.stored(principal, id).await?;
        match media.trashed_at {
            None => Ok((media, standing)),
            Some(_) => Err(not_found(id)),
        }
    }

    /// The same for one in the trash, for who may change it.
    pub(super) async fn trashed(
        &self,
        principal: &Principal,
        id: MediaId,
    ) -> Result<(Media, Verdict)> {
        let (media, standing) = self.stored(principal, id).await?;
        let verdict = check_may_change(standing, id)?;
        match media.trashed_at {
            Some(_) => Ok((media, verdict)),
            None => Err(Error::new(
                &codes::NOT_FOUND,
                format!("there is no medium {id} in the trash"),
            )),
        }
    }

    /// The filter narrowed to what the principal may see; `None` where nothing is left.
    pub(super) async fn visible(
        &self,
        principal: &Principal,
        filter: MediaFilter,
    ) -> Result<Option<MediaFilter>> {
        if filter.project == DEFAULT_PROJECT {
            let is_others = filter.owner.is_some_and(|owner| owner != principal.user);
            return Ok(match (principal.is_admin(), is_others) {
                (true, _) => Some(filter),
                (false, true) => None,
                (false, false) => Some(MediaFilter {
                    owner: Some(principal.user),
                    ..filter
                }),
            });
        }
        self.access
            .enter(principal, &filter.project, Act::SeeProject)
            .await?;
        Ok(Some(filter))
    }

    async fn stored(&self, principal: &Principal, id: MediaId) -> Result<(Media, Standing)> {
        let media = self.store.media(id).await?;
        let media = media.ok_or_else(|| not_found(id))?;
        let owns = media.owner == principal.user;
        let role = match media.project.as_str() {
            DEFAULT_PROJECT => owns.then_some(ProjectRole::Editor),
            project => self.access.role(principal, project).await?,
        };
        let standing = Standing::in_project(principal, owns, role);
        policy::check(standing, Act::ReadMedia, "", || not_found(id))?;
        Ok((media, standing))
    }
}

/// For a file the principal may read.
pub(super) fn check_may_change(standing: Standing, id: MediaId) -> Result<Verdict> {
    let why = "your role does not allow this; it needs the role `creator`, and to be the file's owner or an editor of its project";
    policy::check(standing, Act::ChangeMedia, why, || not_found(id))
}

/// Said for what does not exist and for what must not be seen alike.
pub(super) fn not_found(id: MediaId) -> Error {
    Error::new(&codes::NOT_FOUND, format!("there is no medium {id}"))
}

/// The entry of an admin who acts on what is not theirs by right; nothing is written down of others.
pub(super) fn record(
    principal: &Principal,
    action: &str,
    verdict: Verdict,
    before: Option<&Media>,
    after: &Media,
) -> Option<AuditRecord> {
    let subject = format!("media:{}", after.id);
    let record = || {
        AuditRecord::by(principal, after.updated_at, action, subject)
            .on_behalf_of(after.owner)
            .with_detail("as admin")
            .with_states(before.map(state).as_ref(), Some(&state(after)))
    };
    (verdict == Verdict::AllowedAsAdmin).then(record)
}

/// What is digested of a file.
fn state(media: &Media) -> Value {
    json!({
        "id": media.id,
        "project": media.project,
        "owner": media.owner,
        "name": media.name,
        "alt": media.alt,
        "version": media.newest.version,
        "sha256": media.newest.content.sha256,
        "revision": media.revision,
        "trashed_at": media.trashed_at,
    })
}
