//! What plugins offer, in one shape for templates, tools and reports: each has a JSON Schema of its
//! input, and an address to send that input to.

use inkstone_services::analytics::ListedReport;
use inkstone_services::jobs::ListedTemplate;
use inkstone_services::research::ListedTool;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Something a plugin offers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferReply {
    /// Id of the plugin.
    pub plugin: String,
    /// Its name within the plugin.
    pub id: String,
    pub title: String,
    pub description: String,
    /// JSON Schema of the input.
    #[schema(value_type = Object)]
    pub input_schema: Value,
    /// Where to `POST` the input.
    #[schema(example = "/v1/generate/generator-article/article")]
    pub path: String,
}

impl From<ListedTemplate> for OfferReply {
    fn from(listed: ListedTemplate) -> Self {
        let template = listed.template;
        Self {
            path: format!("/v1/generate/{}/{}", listed.plugin, template.id),
            plugin: listed.plugin,
            id: template.id,
            title: template.title,
            description: template.description,
            input_schema: template.input_schema,
        }
    }
}

impl From<ListedTool> for OfferReply {
    fn from(listed: ListedTool) -> Self {
        let tool = listed.tool;
        Self {
            path: format!("/v1/research/{}/{}", listed.plugin, tool.name),
            plugin: listed.plugin,
            id: tool.name,
            title: tool.title,
            description: tool.description,
            input_schema: tool.input_schema,
        }
    }
}

impl From<ListedReport> for OfferReply {
    fn from(listed: ListedReport) -> Self {
        let report = listed.report;
        Self {
            path: format!("/v1/analytics/{}/{}", listed.plugin, report.id),
            plugin: listed.plugin,
            id: report.id,
            title: report.title,
            description: report.description,
            input_schema: report.input_schema,
        }
    }
}
