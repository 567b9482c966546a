//! What articles have beside their text: its rules, the fields of content types, and translations.

use inkstone_domain::content::{Article, Extras};
use inkstone_domain::ids::{ArticleId, UserId};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, FieldError, Result, codes};
use serde_json::{Map, Value};

use super::check::Wrong;
use super::types::check_against;
use super::{Articles, policy, set};

const MAX_CATEGORIES: usize = 16;
const MAX_AUTHORS: usize = 32;
const MAX_NAME_CHARS: usize = 200;
const MAX_ADDRESS_CHARS: usize = 2_000;
const MAX_META_TITLE_CHARS: usize = 300;
const MAX_FIELDS_BYTES: usize = 64 << 10;

/// What to change; `None` stays as it is, and an empty text takes it away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtrasPatch {
    pub categories: Option<Vec<String>>,
    pub authors: Option<Vec<String>>,
    pub cover: Option<String>,
    pub meta_title: Option<String>,
    pub canonical_url: Option<String>,
    pub no_index: Option<bool>,
    pub content_type: Option<String>,
    /// All of them: what is left out is gone.
    pub fields: Option<Map<String, Value>>,
}

impl ExtrasPatch {
    pub(super) fn apply(self, extras: &mut Extras) {
        set(&mut extras.categories, self.categories);
        set(&mut extras.authors, self.authors);
        set(&mut extras.cover, self.cover);
        set(&mut extras.meta_title, self.meta_title);
        set(&mut extras.canonical_url, self.canonical_url);
        set(&mut extras.no_index, self.no_index);
        set(&mut extras.content_type, self.content_type);
        set(&mut extras.fields, self.fields);
    }
}

/// Adds what is wrong by itself; whether the fields fit their schema is asked later.
pub(super) fn check_extras(extras: &Extras, wrong: &mut Wrong) {
    check_names("/categories", &extras.categories, MAX_CATEGORIES, wrong);
    check_names("/authors", &extras.authors, MAX_AUTHORS, wrong);
    for (index, author) in extras.authors.iter().enumerate().take(MAX_AUTHORS) {
        if author.starts_with("usr_") && author.parse::<UserId>().is_err() {
            wrong.add(&format!("/authors/{index}"), "is no id of a user");
        }
    }
    let cover = extras.cover.as_str();
    if !cover.is_empty() && !is_address(cover) && !is_medium(cover) {
        wrong.add(
            "/cover",
            "must be an address with http or https, or the id of a medium",
        );
    }
    let meta_title = extras.meta_title.as_str();
    if meta_title.chars().count() > MAX_META_TITLE_CHARS || meta_title.contains(char::is_control) {
        wrong.add(
            "/meta_title",
            format!("must have at most {MAX_META_TITLE_CHARS} characters on one line"),
        );
    }
    if !extras.canonical_url.is_empty() && !is_address(&extras.canonical_url) {
        wrong.add("/canonical_url", "must be an address with http or https");
    }
    if extras.content_type.is_empty() && !extras.fields.is_empty() {
        wrong.add("/fields", "belong to a `content_type`, and none is named");
    }
}

fn check_names(pointer: &str, names: &[String], most: usize, wrong: &mut Wrong) {
    if names.len() > most {
        wrong.add(pointer, format!("must be at most {most}"));
    }
    for (index, name) in names.iter().enumerate().take(most) {
        let is_name = !name.trim().is_empty() && !name.contains(char::is_control);
        if !is_name || name.chars().count() > MAX_NAME_CHARS {
            wrong.add(
                &format!("{pointer}/{index}"),
                format!("must have 1 to {MAX_NAME_CHARS} characters on one line"),
            );
        }
    }
}

impl Articles {
    /// Whether the fields are as the content type wants them.
    pub(super) async fn check_fields(&self, article: &Article) -> Result<()> {
        let extras = &article.text.extras;
        if extras.content_type.is_empty() {
            return Ok(());
        }
        let fields = Value::Object(extras.fields.clone());
        if fields.to_string().len() > MAX_FIELDS_BYTES {
            let detail = format!("must have at most {MAX_FIELDS_BYTES} bytes as JSON");
            return Err(wrong_field("/fields", &detail));
        }
        let Some(known) = self.types.content_type(&extras.content_type).await? else {
            let detail = format!("there is no content type `{}`", extras.content_type);
            return Err(wrong_field("/content_type", &detail));
        };
        check_against(&known, &fields)
    }

    /// All translations of an article that the principal may read, itself among them, by language.
    pub async fn translations(&self, principal: &Principal, id: ArticleId) -> Result<Vec<Article>> {
        let article = self.get(principal, id).await?;
        // A group is of one project.
        let role = policy::role(&self.access, principal, &article.project).await?;
        let original = article.translation_of.unwrap_or(article.id);
        let mut group = self.store.translations(original).await?;
        group.retain(|article| {
            policy::may_read(policy::standing(principal, article, role), article)
        });
        Ok(group)
    }

    /// What a translation of the article `id` is a translation of.
    pub(super) async fn original_for(
        &self,
        principal: &Principal,
        id: ArticleId,
        translation: &Article,
    ) -> Result<ArticleId> {
        let refused = |detail: String| Err(wrong_field("/translation_of", &detail));
        let source = match self.changeable(principal, id, None).await {
            Ok((source, _)) => source,
            Err(error) if [&codes::NOT_FOUND, &codes::FORBIDDEN].contains(&error.code()) => {
                return refused(error.message().to_owned());
            }
            Err(error) => return Err(error),
        };
        if source.project != translation.project {
            return refused(format!(
                "the article {id} is of the project `{}`",
                source.project
            ));
        }
        let original = source.translation_of.unwrap_or(source.id);
        let language = &translation.text.language;
        let group = self.store.translations(original).await?;
        let twin = group
            .iter()
            .find(|it| it.text.language.eq_ignore_ascii_case(language));
        match twin {
            None => Ok(original),
            Some(twin) => Err(Error::new(
                &codes::CONFLICT,
                format!("the article {} is the one in `{language}` already", twin.id),
            )),
        }
    }
}

pub(super) fn wrong_field(pointer: &str, detail: &str) -> Error {
    let field = FieldError {
        pointer: pointer.to_owned(),
        detail: detail.to_owned(),
    };
    let message = format!("the article is not valid as given: `{pointer}` {detail}");
    Error::new(&codes::INVALID_INPUT, message).with_fields(vec![field])
}

/// What a browser takes for an address on the web; whether anything is there is not asked.
pub(super) fn is_address(text: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>\"\\^`{}|".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        && text.chars().count() <= MAX_ADDRESS_CHARS
        && text.chars().all(is_plain)
}

fn is_medium(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    matches!(text.len(), 1..=100) && text.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_media() {
        for (text, address, medium) in [
            ("https://example.org/a.png?x=1#y", true, false),
            ("http://[::1]:80/", true, false),
            ("https://", false, false),
            ("https:///etc", false, false),
            ("javascript:alert(1)", false, false),
            ("data:image/png;base64,AA", false, false),
            ("//example.org/a.png", false, false),
            ("https://a b", false, false),
            ("https://a\"onload=x", false, false),
            ("HTTPS://a", false, false),
            ("med_01J9ZQ7Y0Z5N8C4V2M6K3H1R0P", false, true),
            ("../secret", false, false),
        ] {
            assert_eq!(
                (is_address(text), is_medium(text)),
                (address, medium),
                "{text}"
            );
        }
    }
}
