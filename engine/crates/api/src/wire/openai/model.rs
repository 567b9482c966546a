//! Models as OpenAI's clients list them, with two fields of ours beside.

use inkstone_domain::chat::ModelKind;
use inkstone_services::models::ListedModel;
use serde::Serialize;
use utoipa::ToSchema;

/// All models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsReply {
    /// Always `list`.
    pub object: &'static str,
    pub data: Vec<ModelReply>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModelReply {
    /// `provider/model`, or an alias.
    #[schema(example = "local/smollm2-135m")]
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When it was made is not known; always 0.
    pub created: i64,
    /// Id of the plugin that provides it.
    pub owned_by: String,
    /// `chat` or `embedding`.
    pub kind: &'static str,
    /// Tokens that fit into one call, where it is known.
    pub context_length: Option<u32>,
}

impl From<ListedModel> for ModelReply {
    fn from(listed: ListedModel) -> Self {
        Self {
            id: listed.name,
            object: "model",
            created: 0,
            owned_by: listed.plugin,
            kind: match listed.model.kind {
                ModelKind::Chat => "chat",
                ModelKind::Embedding => "embedding",
                ModelKind::Rerank => "rerank",
            },
            context_length: listed.model.context_length,
        }
    }
}

/// The models and the aliases that stand for one of them, by id.
pub(crate) fn models_with_aliases<'a>(
    listed: Vec<ListedModel>,
    aliases: impl Iterator<Item = (&'a String, &'a String)>,
) -> Vec<ModelReply> {
    let mut models: Vec<ModelReply> = listed.into_iter().map(ModelReply::from).collect();
    let named: Vec<ModelReply> = aliases
        .filter_map(|(alias, target)| {
            let model = models.iter().find(|model| &model.id == target)?;
            Some(ModelReply {
                id: alias.clone(),
                ..model.clone()
            })
        })
        .collect();
    models.extend(named);
    models.sort_by(|one, other| one.id.cmp(&other.id));
    models.dedup_by(|one, other| one.id == other.id);
    models
}
