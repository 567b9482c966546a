//! What is written down of admins who act on articles of others, or in projects that are not theirs.

use inkstone_domain::audit::{AuditRecord, actions};
use inkstone_domain::content::Article;
use inkstone_domain::principal::Principal;
use serde_json::{Value, json};

/// The entry that goes with a write of `after`; of what is removed nothing is left.
pub fn record(
    principal: &Principal,
    action: &str,
    before: Option<&Article>,
    after: &Article,
) -> AuditRecord {
    let subject = format!("article:{}", after.id);
    let steps = before.map(|before| (before.text.status, after.text.status));
    let detail = match steps {
        Some((from, to)) if from != to => {
            format!("{} → {}, as admin", from.as_str(), to.as_str())
        }
        _ => "as admin".to_owned(),
    };
    let left = (action != actions::ARTICLE_REMOVED).then(|| state(after));
    AuditRecord::by(principal, after.updated_at, action, subject)
        .on_behalf_of(after.owner)
        .with_detail(detail)
        .with_states(before.map(state).as_ref(), left.as_ref())
}

/// What is digested of an article.
fn state(article: &Article) -> Value {
    let Article {
        id,
        project,
        owner,
        slug,
        text,
        revision,
        job,
        translation_of,
        created_at: _,
        updated_at: _,
        trashed_at,
    } = article;
    json!({
        "id": id,
        "project": project,
        "owner": owner,
        "slug": slug,
        "text": text,
        "revision": revision,
        "job": job,
        "translation_of": translation_of,
        "trashed_at": trashed_at,
    })
}
