//! What a reply in another's dialect says that only this gateway knows.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// What this gateway did with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct InkstoneReply<'a> {
    /// The `provider/model` that goes on with the answer where the first one failed.
    #[schema(value_type = String, example = "local/smollm2-135m")]
    pub rerouted_to: Cow<'a, str>,
}

impl<'a> InkstoneReply<'a> {
    pub(crate) fn rerouted(to: impl Into<Cow<'a, str>>) -> Self {
        Self {
            rerouted_to: to.into(),
        }
    }
}
