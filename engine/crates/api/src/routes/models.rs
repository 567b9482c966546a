//! `/v1/models`, as OpenAI's clients know it.

use axum::extract::State;
use inkstone_domain::codes;

use crate::error::{ApiError, ApiResult};
use crate::extract::{ModelCaller, PathWord};
use crate::reply::ok;
use crate::state::{ApiState, Shared};
use crate::wire::openai::model::{ModelReply, ModelsReply, models_with_aliases};

/// List models
///
/// The models of all providers as `provider/model`, and the aliases of this engine.
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "All models, by id.", body = ModelsReply)),
)]
pub(crate) async fn list_models(State(state): State<Shared>, _: ModelCaller) -> ApiResult {
    ok(&ModelsReply {
        object: "list",
        data: all_models(&state).await,
    })
}

/// Show a model
#[utoipa::path(
    get, path = "/v1/models/{*id}", tag = "models",
    params(("id" = String, Path, description = "`provider/model` or an alias; the slash may stand as it is.")),
    responses((status = 200, description = "The model.", body = ModelReply)),
)]
pub(crate) async fn show_model(
    State(state): State<Shared>,
    _: ModelCaller,
    PathWord(id): PathWord,
) -> ApiResult {
    let model = all_models(&state)
        .await
        .into_iter()
        .find(|model| model.id == id)
        .ok_or_else(|| {
            ApiError::new(
                &codes::UNKNOWN_MODEL,
                format!("there is no model `{id}`; `GET /v1/models` lists all"),
            )
        })?;
    ok(&model)
}

async fn all_models(state: &ApiState) -> Vec<ModelReply> {
    let models = &state.services.models;
    models_with_aliases(models.list().await, models.aliases().iter())
}
