//! The tables `project` and `member`, and the port over them.

mod row;

use async_trait::async_trait;
use inkstone_domain::Result;
use inkstone_domain::audit::AuditRecord;
use inkstone_domain::content::{Page, PageRequest};
use inkstone_domain::event::ScopedEvent;
use inkstone_domain::ids::{ProjectId, UserId};
use inkstone_domain::key::EndedKey;
use inkstone_domain::ports::ProjectStore;
use inkstone_domain::project::{Member, Project, ProjectFilter, ProjectRole};
use surrealdb::types::RecordId;

use self::row::{MemberRow, ProjectRow, role_of};
use crate::articles::read_all;
use crate::audit::{audited, audited_all};
use crate::connection::SurrealStore;
use crate::events::tell;
use crate::keys::{bind_ended, end_keys};
use crate::pages::Place;
use crate::row::RowResult;
use crate::statement::Statement;

const PROJECT: &str = "project";

const CREATE_PROJECT: &str = concat!(
    "
    LET $stored = SELECT VALUE slug FROM ONLY type::record('project', $row.slug);
    IF $stored != NONE { THROW 'refused:already_exists' };
    CREATE type::record('project', $row.slug) CONTENT $row RETURN NONE;
    CREATE type::record('member', [$owner.project, $owner.user]) CONTENT $owner RETURN NONE;
",
    tell!()
);
macro_rules! update_project {
    () => {
        "
    LET $stored = SELECT VALUE revision FROM ONLY type::record('project', $row.slug);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored != $row.revision - 1 { THROW 'refused:stale:' + <string>$stored };
    UPDATE type::record('project', $row.slug) CONTENT $row RETURN NONE;
"
    };
}
const PUT_MEMBER: &str = concat!(
    "
    LET $project = SELECT VALUE slug FROM ONLY type::record('project', $row.project);
    IF $project = NONE { THROW 'refused:not_found' };
    LET $stored = SELECT role, revision FROM ONLY type::record('member', [$row.project, $row.user]);
    LET $revision = $stored.revision ?? 0;
    IF $revision != $row.revision - 1 { THROW 'refused:stale:' + <string>$revision };
    LET $owners = SELECT VALUE user FROM member WHERE project = $row.project AND role = 'owner';
    IF $stored.role = 'owner' AND $row.role != 'owner' AND array::len($owners) < 2 {
        THROW 'refused:last_owner'
    };
    IF $stored.role = 'owner' AND $row.role != 'owner' {
",
    end_keys!(),
    "
    };
    UPSERT type::record('member_round', $row.project) SET changes = (changes ?? 0) + 1 RETURN NONE;
    UPSERT type::record('member', [$row.project, $row.user]) CONTENT $row RETURN NONE;
",
    tell!()
);
const REMOVE_MEMBER: &str = concat!(
    "
    LET $stored = SELECT role, revision FROM ONLY type::record('member', [$slug, $user]);
    IF $stored = NONE { THROW 'refused:not_found' };
    IF $stored.revision != $revision { THROW 'refused:stale:' + <string>$stored.revision };
    LET $owners = SELECT VALUE user FROM member WHERE project = $slug AND role = 'owner';
    IF $stored.role = 'owner' AND array::len($owners) < 2 { THROW 'refused:last_owner' };
",
    end_keys!(),
    "
    UPSERT type::record('member_round', $slug) SET changes = (changes ?? 0) + 1 RETURN NONE;
    DELETE type::record('member', [$slug, $user]) RETURN NONE;
",
    tell!()
);

#[async_trait]
impl ProjectStore for SurrealStore {
    async fn create_project(
        &self,
        project: &Project,
        owner: &Member,
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = audited(CREATE_PROJECT, audit)
            .about(subject(&project.slug))
            .bind("row", ProjectRow::of(project)?)
            .bind("owner", MemberRow::from(owner))
            .tell(ScopedEvent::project_created(project, owner))?;
        Ok(self.write(statement).await?)
    }

    async fn update_project(&self, project: &Project, audit: &AuditRecord) -> Result<()> {
        let told = ScopedEvent::project_changed(project, audit);
        let parts = match &told {
            Some(_) => concat!(update_project!(), tell!()),
            None => update_project!(),
        };
        let statement = audited(parts, audit)
            .about(subject(&project.slug))
            .bind("row", ProjectRow::of(project)?);
        let statement = match told {
            Some(told) => statement.tell(told)?,
            None => statement,
        };
        Ok(self.write(statement).await?)
    }

    async fn project(&self, slug: &str) -> Result<Option<Project>> {
        let row: Option<ProjectRow> = self.record(PROJECT, slug.to_owned()).await?;
        Ok(row.map(Project::try_from).transpose()?)
    }

    async fn list_projects(
        &self,
        filter: &ProjectFilter,
        page: PageRequest,
    ) -> Result<Page<Project>> {
        let place: Place<ProjectId> = Place::of(&page)?;
        let rows: Vec<ProjectRow> = self.read(list(filter, &place)).await?;
        Ok(place.page(read_all(rows)?, |project: &Project| project.id))
    }

    async fn member(&self, slug: &str, user: UserId) -> Result<Option<Member>> {
        let statement = Statement::new("SELECT * FROM ONLY type::record('member', [$slug, $user])")
            .bind("slug", slug)
            .bind("user", user.to_string());
        let row: Option<MemberRow> = self.read(statement).await?;
        Ok(row.map(Member::try_from).transpose()?)
    }

    async fn members(&self, slug: &str, page: PageRequest) -> Result<Page<Member>> {
        let place: Place<UserId> = Place::of(&page)?;
        let beginning = match place.before {
            Some(_) => "AND user < $before",
            None => "",
        };
        let text = format!(
            "SELECT * FROM member WHERE project = $slug {beginning} ORDER BY user DESC LIMIT $rows"
        );
        let statement = Statement::new(text)
            .bind("slug", slug)
            .bind("before", place.before.map(|user| user.to_string()))
            .bind("rows", place.rows);
        let rows: Vec<MemberRow> = self.read(statement).await?;
        Ok(place.page(read_all(rows)?, |member: &Member| member.user))
    }

    async fn put_member(
        &self,
        member: &Member,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = audited_all(PUT_MEMBER, &trail(audit, ended))
            .about(subject(&member.project))
            .bind("row", MemberRow::from(member))
            .tell(ScopedEvent::member_set(member, audit))?;
        let statement = bind_ended(statement, member.user, &member.project, ended)?;
        Ok(self.write(statement).await?)
    }

    async fn remove_member(
        &self,
        slug: &str,
        user: UserId,
        revision: u64,
        ended: &[EndedKey],
        audit: &AuditRecord,
    ) -> Result<()> {
        let statement = audited_all(REMOVE_MEMBER, &trail(audit, ended))
            .about(format!("member `{user}`"))
            .bind("slug", slug)
            .bind("user", user.to_string())
            .bind("revision", revision)
            .tell(ScopedEvent::member_removed(slug, user, audit))?;
        let statement = bind_ended(statement, user, slug, ended)?;
        Ok(self.write(statement).await?)
    }

    async fn roles_of(&self, user: UserId) -> Result<Vec<(String, ProjectRole)>> {
        let statement = Statement::new("SELECT * FROM member WHERE user = $user ORDER BY project")
            .bind("user", user.to_string());
        let rows: Vec<MemberRow> = self.read(statement).await?;
        let roles = rows.into_iter().map(|row| {
            let role = role_of(&row.role)?;
            Ok((row.project, role))
        });
        let roles: RowResult<Vec<_>> = roles.collect();
        Ok(roles?)
    }
}

fn list(filter: &ProjectFilter, place: &Place<ProjectId>) -> Statement {
    let from = match filter.slugs {
        Some(_) => "$records",
        None => PROJECT,
    };
    let beginning = match place.before {
        Some(_) => "AND key < $before",
        None => "",
    };
    let text = format!(
        "SELECT * FROM {from} WHERE is_archived = $is_archived {beginning} ORDER BY key DESC LIMIT $rows"
    );
    let records = filter.slugs.iter().flatten();
    let records: Vec<RecordId> = records
        .map(|slug| RecordId::new(PROJECT, slug.clone()))
        .collect();
    Statement::new(text)
        .bind("records", records)
        .bind("is_archived", filter.is_archived)
        .bind("before", place.before.map(|id| id.to_string()))
        .bind("rows", place.rows)
}

/// A member's entry of the audit log, and those of the keys that end with it.
fn trail(audit: &AuditRecord, ended: &[EndedKey]) -> Vec<AuditRecord> {
    let ended = ended.iter().map(|end| end.audit.clone());
    std::iter::once(audit.clone()).chain(ended).collect()
}

fn subject(slug: &str) -> String {
    format!("project `{slug}`")
}
