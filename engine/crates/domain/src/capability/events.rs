//! Patterns of events that a plugin may hear of: which types, and of which project. Pure; how they are read,
//! written, matched and intersected, tested as tables.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::{EventKind, Thing, Told};
use crate::project::is_slug;
use crate::{Error, codes};

/// `article.created`, `article.*` or `*`, and where, as in `article.* in handbook`; without a project all events
/// of these types are meant, also those of none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventPattern {
    kinds: Kinds,
    /// Slug; `None` is any, and none.
    project: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kinds {
    Any,
    Of(Thing),
    One(EventKind),
}

impl EventPattern {
    pub(super) fn matches(&self, told: &Told) -> bool {
        let kind = told.event.body.kind();
        let is_kind = match self.kinds {
            Kinds::Any => true,
            Kinds::Of(thing) => kind.thing() == thing,
            Kinds::One(one) => kind == one,
        };
        is_kind && (self.project.is_none() || self.project == told.scope.project)
    }

    /// What is left of it beside another; `None` where nothing is.
    pub(super) fn intersect(&self, other: &Self) -> Option<Self> {
        let kinds = match (self.kinds, other.kinds) {
            (Kinds::Any, kinds) | (kinds, Kinds::Any) => kinds,
            (Kinds::Of(thing), Kinds::One(one)) | (Kinds::One(one), Kinds::Of(thing))
                if one.thing() == thing =>
            {
                Kinds::One(one)
            }
            (a, b) if a == b => a,
            _ => return None,
        };
        let project = match (&self.project, &other.project) {
            (None, project) | (project, None) => project.clone(),
            (Some(a), Some(b)) if a == b => Some(a.clone()),
            _ => return None,
        };
        Some(Self { kinds, project })
    }
}

impl FromStr for EventPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Error::new(
                &codes::INVALID_CONFIG,
                format!(
                    "`{text}` names no events ({why}); write a type, `article.*` or `*`, and where, such as `article.* in handbook`"
                ),
            )
        };
        let (types, project) = match text.split_once(" in ") {
            None => (text, None),
            Some((types, slug)) if is_slug(slug) => (types, Some(slug.to_owned())),
            Some(_) => return Err(wrong("what stands after `in` is no slug of a project")),
        };
        let kinds = match types.strip_suffix(".*") {
            _ if types == "*" => Kinds::Any,
            Some(word) => {
                let mut things = EventKind::ALL.iter().map(|kind| kind.thing());
                let thing = things.find(|thing| thing.as_str() == word);
                Kinds::Of(thing.ok_or_else(|| wrong("there are no events of such a thing"))?)
            }
            None => {
                let kind = types.parse();
                Kinds::One(kind.map_err(|_| wrong("there is no such type"))?)
            }
        };
        Ok(Self { kinds, project })
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kinds {
            Kinds::Any => f.write_str("*")?,
            Kinds::Of(thing) => write!(f, "{}.*", thing.as_str())?,
            Kinds::One(kind) => f.write_str(kind.as_str())?,
        }
        match &self.project {
            Some(project) => write!(f, " in {project}"),
            None => Ok(()),
        }
    }
}

impl Serialize for EventPattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| serde::de::Error::custom(error.message()))
    }
}

#[cfg(test)]
mod tests {
    use crate::event::{Event, EventBody, Scope};
    use crate::ids::{ArticleId, UserId};

    use super::*;

    fn pattern(text: &str) -> EventPattern {
        text.parse().expect(text)
    }

    #[test]
    fn they_are_written_as_they_are_read() {
        for text in [
            "*",
            "article.*",
            "article.created",
            "* in a",
            "job.failed in hand-book",
        ] {
            assert_eq!(pattern(text).to_string(), text);
        }
        for (text, why) in [
            ("", "no such type"),
            ("article", "no such type"),
            ("article.eaten", "no such type"),
            ("cake.*", "no events of such a thing"),
            ("*.created", "no such type"),
            ("* in ", "no slug"),
            ("* in Handbook", "no slug"),
        ] {
            let error = text.parse::<EventPattern>().unwrap_err();
            assert!(error.message().contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn two_leave_what_both_name() {
        for (one, other, want) in [
            ("*", "*", Some("*")),
            ("*", "article.*", Some("article.*")),
            ("article.*", "article.created", Some("article.created")),
            ("article.*", "job.failed", None),
            ("article.*", "comment.*", None),
            ("article.*", "article.* in a", Some("article.* in a")),
            ("* in a", "article.*", Some("article.* in a")),
            ("* in a", "* in b", None),
        ] {
            let (one, other) = (pattern(one), pattern(other));
            let want = want.map(pattern);
            assert_eq!(one.intersect(&other), want, "{one} and {other}");
            assert_eq!(other.intersect(&one), want, "{other} and {one}");
        }
    }

    #[test]
    fn what_happened_somewhere_is_named_by_type_and_project() {
        let told = |project: Option<&str>| {
            let body = EventBody::ArticleCreated {
                article: ArticleId::new(),
                revision: 1,
                status: None,
            };
            Told {
                number: 1,
                event: Event::new(chrono::Utc::now(), UserId::new(), body),
                scope: Scope {
                    project: project.map(str::to_owned),
                    owner: None,
                },
            }
        };
        for (text, in_a, in_none) in [
            ("*", true, true),
            ("article.*", true, true),
            ("article.created", true, true),
            ("article.updated", false, false),
            ("comment.*", false, false),
            ("* in a", true, false),
            ("* in b", false, false),
        ] {
            let found = [Some("a"), None].map(|project| pattern(text).matches(&told(project)));
            assert_eq!(found, [in_a, in_none], "{text}");
        }
    }
}
