//! Content types: kinds of articles with fields of their own, which a JSON Schema describes. Admins keep
//! them. Patterns run in linear time and nothing is fetched.

use std::sync::Arc;

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::ContentType;
use inkstone_domain::ports::{Clock, ContentTypeStore};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Value, json};

use super::check::Wrong;
use super::slug::is_slug;

const MAX_TITLE_CHARS: usize = 200;
const MAX_SCHEMA_BYTES: usize = 64 << 10;
/// More faults than this help nobody.
const MAX_FAULTS: usize = 32;

/// A content type to be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewContentType {
    pub name: String,
    pub title: String,
    /// A JSON Schema of the object `fields`.
    pub schema: Value,
}

/// Keeps content types.
pub struct ContentTypes {
    store: Arc<dyn ContentTypeStore>,
    clock: Arc<dyn Clock>,
}

impl ContentTypes {
    /// `clock` dates the changes.
    pub fn new(store: Arc<dyn ContentTypeStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// For admins. `already_exists` where the name is taken; `invalid_input` names every wrong field.
    pub async fn create(&self, principal: &Principal, new: NewContentType) -> Result<ContentType> {
        check_admin(principal)?;
        let now = self.clock.now();
        let kind = ContentType {
            name: new.name,
            title: new.title,
            schema: new.schema,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        check(&kind)?;
        let action = actions::CONTENT_TYPE_CREATED;
        let record = record(principal, action, None, &kind);
        self.store.create_content_type(&kind, &record).await?;
        Ok(kind)
    }

    /// For admins. Articles that do not fit any more stay as they are until their fields change. With
    /// `expected_revision` the stored one must be that, else `revision_mismatch`.
    pub async fn replace(
        &self,
        principal: &Principal,
        new: NewContentType,
        expected_revision: Option<u64>,
    ) -> Result<ContentType> {
        check_admin(principal)?;
        let stored = self.get(&new.name).await?;
        if let Some(expected) = expected_revision
            && expected != stored.revision
        {
            return Err(Error::new(
                &codes::REVISION_MISMATCH,
                format!(
                    "the content type `{}` is at revision {}, not {expected}; read it again and repeat the change on it",
                    stored.name, stored.revision
                ),
            )
            .with_revision(Some(stored.revision)));
        }
        let next = ContentType {
            title: new.title,
            schema: new.schema,
            revision: stored.revision + 1,
            updated_at: self.clock.now(),
            ..stored.clone()
        };
        check(&next)?;
        let action = actions::CONTENT_TYPE_CHANGED;
        let record = record(principal, action, Some(&stored), &next);
        self.store.replace_content_type(&next, &record).await?;
        Ok(next)
    }

    /// `not_found` where there is none of the name.
    pub async fn get(&self, name: &str) -> Result<ContentType> {
        self.store.content_type(name).await?.ok_or_else(|| {
            Error::new(
                &codes::NOT_FOUND,
                format!("there is no content type `{name}`"),
            )
        })
    }

    /// By name.
    pub async fn list(&self) -> Result<Vec<ContentType>> {
        self.store.content_types().await
    }
}

fn record(
    principal: &Principal,
    action: &str,
    before: Option<&ContentType>,
    after: &ContentType,
) -> AuditRecord {
    let state = |kind: &ContentType| {
        json!({
            "name": kind.name,
            "title": kind.title,
            "schema": kind.schema,
            "revision": kind.revision,
        })
    };
    let subject = format!("content_type:{}", after.name);
    AuditRecord::by(principal, after.updated_at, action, subject)
        .with_states(before.map(state).as_ref(), Some(&state(after)))
}

fn check_admin(principal: &Principal) -> Result<()> {
    match principal.is_admin() {
        true => Ok(()),
        false => Err(Error::new(
            &codes::FORBIDDEN,
            "content types are kept by admins",
        )),
    }
}

fn check(kind: &ContentType) -> Result<()> {
    let mut wrong = Wrong::default();
    if !is_slug(&kind.name) {
        wrong.add(
            "/name",
            "must have 1 to 100 of the characters a-z, 0-9 and -, and neither begin nor end with -",
        );
    }
    if kind.title.trim().is_empty() || kind.title.chars().count() > MAX_TITLE_CHARS {
        wrong.add(
            "/title",
            format!("must have 1 to {MAX_TITLE_CHARS} characters"),
        );
    }
    if kind.schema.to_string().len() > MAX_SCHEMA_BYTES {
        wrong.add(
            "/schema",
            format!("must have at most {MAX_SCHEMA_BYTES} bytes as JSON"),
        );
    } else if !kind.schema.is_object() {
        wrong.add("/schema", "must be a JSON Schema, an object");
    } else if let Err(why) = compile(&kind.schema) {
        wrong.add("/schema", format!("is no JSON Schema: {why}"));
    }
    wrong.into_result("the content type is not valid as given")
}

/// `schema_mismatch` names every field that does not fit, by its place in the request.
pub(super) fn check_against(kind: &ContentType, fields: &Value) -> Result<()> {
    let validator = compile(&kind.schema).map_err(|why| {
        Error::new(
            &codes::INTERNAL,
            format!(
                "the schema of the content type `{}` cannot be used: {why}",
                kind.name
            ),
        )
    })?;
    let faults: Vec<FieldError> = validator
        .iter_errors(fields)
        .take(MAX_FAULTS)
        .map(|fault| FieldError {
            pointer: format!("/fields{}", fault.instance_path().as_str()),
            detail: fault.to_string().chars().take(300).collect(),
        })
        .collect();
    let Some(first) = faults.first() else {
        return Ok(());
    };
    let message = format!(
        "the fields do not fit the content type `{}`: `{}` {}",
        kind.name, first.pointer, first.detail
    );
    Err(Error::new(&codes::SCHEMA_MISMATCH, message).with_fields(faults))
}

fn compile(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex())
        .build(schema)
        .map_err(|error| error.to_string().chars().take(300).collect())
}
