//! Parts of the path: typed ids, and plain words. An id that cannot exist is `not_found`, like one
//! that does not.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use inkstone_domain::ids::ArticleId;
use inkstone_domain::{Error, codes};

use crate::error::ApiError;
use crate::state::Shared;

/// The one id of the path.
pub(crate) struct PathId<T>(pub T);

/// The one word of the path.
pub(crate) struct PathWord(pub String);

/// A word and an id of the path, in this order.
pub(crate) struct PathWordId<T>(pub String, pub T);

/// The two ids of the path: a thing, and something of it.
pub(crate) struct PathIds<T, U>(pub T, pub U);

/// The two words of the path: a plugin, and something of it.
pub(crate) struct PathWords(pub String, pub String);

/// An article and the number of one of its revisions.
pub(crate) struct PathRevision(pub ArticleId, pub u64);

/// Where an article is to be read by people.
pub(crate) struct PathSlug {
    pub project: String,
    pub language: String,
    pub slug: String,
}

impl<T: FromStr<Err = Error>> FromRequestParts<Shared> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let PathWord(word) = PathWord::from_request_parts(parts, state).await?;
        word.parse()
            .map(Self)
            .map_err(|error: Error| ApiError::new(&codes::NOT_FOUND, error.message()))
    }
}

impl FromRequestParts<Shared> for PathWord {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let Path(word) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| no_such_path())?;
        Ok(Self(word))
    }
}

impl FromRequestParts<Shared> for PathWords {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let Path((one, other)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| no_such_path())?;
        Ok(Self(one, other))
    }
}

impl<T: FromStr<Err = Error>> FromRequestParts<Shared> for PathWordId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let PathWords(word, id) = PathWords::from_request_parts(parts, state).await?;
        let id = id.parse();
        id.map(|id| Self(word, id))
            .map_err(|error: Error| ApiError::new(&codes::NOT_FOUND, error.message()))
    }
}

impl<T, U> FromRequestParts<Shared> for PathIds<T, U>
where
    T: FromStr<Err = Error>,
    U: FromStr<Err = Error>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let PathWords(one, other) = PathWords::from_request_parts(parts, state).await?;
        let unknown = |error: Error| ApiError::new(&codes::NOT_FOUND, error.message());
        Ok(Self(
            one.parse().map_err(unknown)?,
            other.parse().map_err(unknown)?,
        ))
    }
}

impl FromRequestParts<Shared> for PathRevision {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let PathWords(id, revision) = PathWords::from_request_parts(parts, state).await?;
        let id = id
            .parse()
            .map_err(|error: Error| ApiError::new(&codes::NOT_FOUND, error.message()))?;
        let revision = revision.parse().map_err(|_| {
            ApiError::new(
                &codes::NOT_FOUND,
                format!("`{revision}` is no revision; they are numbers from 1"),
            )
        })?;
        Ok(Self(id, revision))
    }
}

impl FromRequestParts<Shared> for PathSlug {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let Path((project, language, slug)) =
            Path::<(String, String, String)>::from_request_parts(parts, state)
                .await
                .map_err(|_| no_such_path())?;
        Ok(Self {
            project,
            language,
            slug,
        })
    }
}

fn no_such_path() -> ApiError {
    ApiError::new(
        &codes::NOT_FOUND,
        "the path is not valid UTF-8 after percent-decoding",
    )
}
