//! From a draft to all that is stored with it: article, provenance and events, in one commit.

use chrono::{DateTime, Utc};
use inkstone_domain::chat::Usage;
use inkstone_domain::content::{Article, ArticleText, Cause, Extras, Status};
use inkstone_domain::event::{Event, EventBody};
use inkstone_domain::generation::Draft;
use inkstone_domain::ids::{ArticleId, EventId};
use inkstone_domain::job::{GenerateTask, Job};
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::ports::{ArticleWrite, DraftCommit};
use inkstone_domain::provenance::{AiCall, Provenance};
use inkstone_domain::research::Source;
use inkstone_domain::{Error, Result, codes};

use crate::content::{check_article, slug_of};

/// What a generation came to.
pub(super) struct Made<'a> {
    pub(super) job: &'a Job,
    pub(super) task: &'a GenerateTask,
    pub(super) draft: Draft,
    pub(super) plugin: &'a LoadedPlugin,
    /// The model that was asked for, after defaults.
    pub(super) model: String,
    pub(super) calls: Vec<AiCall>,
    pub(super) elapsed_ms: u64,
    pub(super) now: DateTime<Utc>,
}

/// `plugin_failed` where the draft breaks the rules of articles.
pub(super) fn commit(made: Made<'_>) -> Result<DraftCommit> {
    let Made { job, task, .. } = made;
    let (text, sources) = text_of(made.draft);
    let article = Article {
        id: ArticleId::new(),
        project: task.project.clone(),
        owner: job.owner,
        slug: slug_of(&text.title),
        text,
        revision: 1,
        job: Some(job.id),
        translation_of: None,
        created_at: made.now,
        updated_at: made.now,
        trashed_at: None,
    };
    check_article(&article).map_err(|error| {
        Error::new(
            &codes::PLUGIN_FAILED,
            format!(
                "the plugin `{}` gave a draft that cannot be stored: {}",
                task.plugin,
                error.message()
            ),
        )
    })?;
    let event = |body| Event {
        id: EventId::new(),
        at: made.now,
        actor: job.owner,
        body,
    };
    let provenance = Provenance {
        article: article.id,
        revision: article.revision,
        job: job.id,
        plugin: task.plugin.clone(),
        plugin_version: made.plugin.manifest.version.clone(),
        plugin_digest: made.plugin.digest.clone(),
        template: task.template.clone(),
        input: task.input.clone(),
        model: made.model,
        usage: total_usage(&made.calls),
        calls: made.calls,
        sources,
        duration_ms: made.elapsed_ms,
        created_at: made.now,
    };
    Ok(DraftCommit {
        event: event(EventBody::JobSucceeded {
            job: job.id,
            article: Some(article.id),
        }),
        write: ArticleWrite {
            event: event(EventBody::article_created(&article)),
            author: job.owner,
            cause: Cause::Job {
                job: job.id,
                plugin: task.plugin.clone(),
            },
            comment: None,
            audit: None,
            article,
        },
        provenance,
    })
}

/// Smooths what a model easily gets slightly wrong: spaces and line ends in the title, empty or
/// repeated tags, no language.
fn text_of(draft: Draft) -> (ArticleText, Vec<Source>) {
    let mut tags: Vec<String> = Vec::new();
    for tag in draft.tags {
        let tag = tag.trim();
        if !tag.is_empty() && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    let title: Vec<&str> = draft.title.split_whitespace().collect();
    let text = ArticleText {
        title: title.join(" "),
        summary: draft.summary,
        body: draft.body,
        tags,
        meta_description: draft.meta_description,
        language: match draft.language.is_empty() {
            true => "und".to_owned(),
            false => draft.language,
        },
        status: Status::Draft,
        publish_at: None,
        extras: Extras::default(),
    };
    (text, draft.sources)
}

fn total_usage(calls: &[AiCall]) -> Usage {
    let mut total = Usage::default();
    for call in calls {
        total += call.usage;
    }
    total
}
