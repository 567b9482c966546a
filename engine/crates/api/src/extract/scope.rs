//! What an API key's scopes open: the one table of it, by route. A route that stands in no line is closed to
//! all keys; so is what concerns the owner's own account. What the owner's role may do holds beside this.

use axum::http::Method;
use inkstone_domain::api_key::{ApiKey, Scope};
use inkstone_domain::codes;
use inkstone_domain::principal::Principal;

use crate::error::ApiError;

/// Who may come in with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// For reading and for the rest.
    Scopes(Scope, Scope),
    /// Any key, for reading only.
    AnyRead,
    /// No key: people sign in for this.
    Never,
}

/// By the beginning of the path. The longest that fits holds.
const RULES: &[(&str, Rule)] = &[
    ("/v1/me", Rule::Never),
    ("/v1/notifications", Rule::Never),
    ("/v1/keys", Rule::Never),
    ("/v1/users", both(Scope::Admin)),
    ("/v1/invitations", both(Scope::Admin)),
    ("/v1/signing-keys", both(Scope::Admin)),
    ("/v1/limits", both(Scope::Admin)),
    ("/v1/audit", both(Scope::Admin)),
    (
        "/v1/webhooks",
        Rule::Scopes(Scope::ProjectsRead, Scope::ProjectsWrite),
    ),
    ("/v1/events", both(Scope::ProjectsRead)),
    ("/v1/events/handlers", both(Scope::Admin)),
    (
        "/v1/content-types",
        Rule::Scopes(Scope::ArticlesRead, Scope::Admin),
    ),
    ("/v1/plugins", Rule::Scopes(Scope::ModelsCall, Scope::Admin)),
    ("/v1/chat", both(Scope::ModelsCall)),
    ("/v1/responses", both(Scope::ModelsCall)),
    ("/v1/messages", both(Scope::ModelsCall)),
    ("/v1/embeddings", both(Scope::ModelsCall)),
    ("/v1/rerank", both(Scope::ModelsCall)),
    ("/v1/models", both(Scope::ModelsCall)),
    ("/v1/ratings", both(Scope::ModelsCall)),
    ("/v1/usage", both(Scope::ModelsCall)),
    ("/v1/tools", both(Scope::ModelsCall)),
    ("/v1/research", both(Scope::ModelsCall)),
    ("/v1/reports", both(Scope::ModelsCall)),
    ("/v1/analytics", both(Scope::ModelsCall)),
    ("/v1/templates", both(Scope::JobsRead)),
    ("/v1/generate", both(Scope::JobsWrite)),
    ("/v1/jobs", Rule::Scopes(Scope::JobsRead, Scope::JobsWrite)),
    ("/v1/answer", both(Scope::ModelsCall)),
    (
        "/v1/calendar",
        Rule::Scopes(Scope::JobsRead, Scope::JobsWrite),
    ),
    (
        "/v1/schedules",
        Rule::Scopes(Scope::JobsRead, Scope::JobsWrite),
    ),
    ("/v1/search", both(Scope::ArticlesRead)),
    ("/v1/search/index", both(Scope::Admin)),
    ("/v1/searches", Rule::Never),
    (
        "/v1/articles",
        Rule::Scopes(Scope::ArticlesRead, Scope::ArticlesWrite),
    ),
    (
        "/v1/projects",
        Rule::Scopes(Scope::ProjectsRead, Scope::ProjectsWrite),
    ),
    (
        "/v1/projects/{slug}/tags",
        Rule::Scopes(Scope::ArticlesRead, Scope::ArticlesWrite),
    ),
    // Articles, whole projects of them.
    (
        "/v1/projects/{slug}/imports",
        Rule::Scopes(Scope::ArticlesRead, Scope::ArticlesWrite),
    ),
    ("/v1/projects/{slug}/export", both(Scope::ArticlesRead)),
    ("/v1/projects/{slug}/exports", both(Scope::ArticlesRead)),
    // Whatever calls a model, wherever it stands.
    ("/v1/projects/{slug}/chat", both(Scope::ModelsCall)),
    (
        "/v1/projects/{slug}/prompts/{name}/test",
        both(Scope::ModelsCall),
    ),
    (
        "/v1/projects/{slug}/media",
        Rule::Scopes(Scope::MediaRead, Scope::MediaWrite),
    ),
    ("/v1/projects/{slug}/uploads", both(Scope::MediaWrite)),
    (
        "/v1/media",
        Rule::Scopes(Scope::MediaRead, Scope::MediaWrite),
    ),
];

const fn both(scope: Scope) -> Rule {
    Rule::Scopes(scope, scope)
}

/// `forbidden` where the key does not open this route.
pub(super) fn check_scope(key: &ApiKey, method: &Method, route: &str) -> Result<(), ApiError> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let scope = match rule_of(method, route) {
        Rule::AnyRead if reads => return Ok(()),
        Rule::AnyRead | Rule::Never => {
            return Err(ApiError::new(
                &codes::FORBIDDEN,
                "no API key opens this route; sign in for it",
            ));
        }
        Rule::Scopes(read, _) if reads => read,
        Rule::Scopes(_, write) => write,
    };
    match key.allows(scope) {
        true => Ok(()),
        false => Err(ApiError::new(
            &codes::FORBIDDEN,
            format!("this route needs a key with the scope `{scope}`"),
        )),
    }
}

/// `forbidden` where the request came with a key that lacks this scope, too.
pub(crate) fn check_also(principal: &Principal, scope: Scope) -> Result<(), ApiError> {
    match &principal.api_key {
        Some(key) if !key.allows(scope) => Err(ApiError::new(
            &codes::FORBIDDEN,
            format!("this needs a key with the scope `{scope}`, too"),
        )),
        _ => Ok(()),
    }
}

fn rule_of(method: &Method, route: &str) -> Rule {
    // Whose key it is, anybody may ask who holds it.
    if route == "/v1/me" && *method == Method::GET {
        return Rule::AnyRead;
    }
    let fits = |beginning: &str| {
        let rest = route.strip_prefix(beginning);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let fitting = RULES.iter().filter(|(beginning, _)| fits(beginning));
    let longest = fitting.max_by_key(|(beginning, _)| beginning.len());
    longest.map_or(Rule::Never, |(_, rule)| *rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_rule() {
        let document = crate::openapi();
        for path in document["paths"].as_object().unwrap().keys() {
            let is_open = !path.starts_with("/v1/") || path.starts_with("/v1/auth/");
            let has_rule = RULES.iter().any(|(beginning, _)| {
                let rest = path.strip_prefix(beginning);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
            assert!(is_open || has_rule, "`{path}` stands in no line of RULES");
        }
    }

    #[test]
    fn the_table_is_read_by_whole_words_and_closed_by_default() {
        let rule = |path| rule_of(&Method::POST, path);
        assert_eq!(
            rule("/v1/articles/{id}"),
            Rule::Scopes(Scope::ArticlesRead, Scope::ArticlesWrite)
        );
        for calls_models in [
            "/v1/projects/{slug}/chat",
            "/v1/projects/{slug}/prompts/{name}/test",
        ] {
            assert_eq!(rule(calls_models), both(Scope::ModelsCall));
        }
        for changes_projects in [
            "/v1/projects/{slug}/chats/{id}",
            "/v1/projects/{slug}/prompts/{name}",
        ] {
            let scopes = Rule::Scopes(Scope::ProjectsRead, Scope::ProjectsWrite);
            assert_eq!(rule(changes_projects), scopes);
        }
        assert_eq!(rule("/v1/articles-of-others"), Rule::Never);
        assert_eq!(rule("/v2/articles"), Rule::Never);
        assert_eq!(rule("/v1/me"), Rule::Never);
        assert_eq!(rule_of(&Method::GET, "/v1/me"), Rule::AnyRead);
        assert_eq!(rule_of(&Method::GET, "/v1/me/sessions"), Rule::Never);
    }
}
