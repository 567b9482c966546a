//! The OpenAPI document: its frame, and what every operation shares (security and error replies), so
//! that routes only say what is their own.

mod example;
mod polish;

use std::sync::LazyLock;

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Paths,
    Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::middleware::failure::Envelope;
use crate::middleware::repeats::takes_key;
use crate::router::documented_routes;
use crate::state::ApiConfig;
use crate::wire::anthropic::block::{AnthropicBlockBody, SourceBody};
use crate::wire::anthropic::error::{AnthropicError, AnthropicErrorDetail};
use crate::wire::openai::error::{OpenAiError, OpenAiErrorDetail};
use crate::wire::openai::message::{ImageUrlBody, PartBody};
use crate::wire::problem::{Problem, ProblemField};
use crate::wire::responses::input::{InputItemBody, InputPartBody};

/// The document without a server's address and with this crate's version: the same everywhere.
pub fn openapi() -> Value {
    // It takes its time, and never changes.
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| polish::polish(&share(documented_routes().into_openapi())));
    DOCUMENT.clone()
}

/// The document of a running engine.
pub(crate) fn finish(config: &ApiConfig) -> Value {
    let mut document = openapi();
    document["info"]["version"] = json!(config.version);
    document["servers"] = json!([{ "url": config.public_url }]);
    document
}

/// What the routes are hung into.
pub(crate) fn frame() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Inkstone")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme(
            BEARER,
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(HttpAuthScheme::Bearer)
                    .bearer_format("JWT")
                    .description(Some(
                        "The `access_token` of `POST /v1/auth/login`, or the token of an API key.",
                    ))
                    .build(),
            ),
        )
        .security_scheme(
            API_KEY,
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "x-api-key",
                "The same token, as Anthropic's clients send it.",
            ))),
        )
        .schema(Problem::name(), Problem::schema())
        .schema(ProblemField::name(), ProblemField::schema())
        .schema(OpenAiError::name(), OpenAiError::schema())
        .schema(OpenAiErrorDetail::name(), OpenAiErrorDetail::schema())
        .schema(AnthropicError::name(), AnthropicError::schema())
        .schema(AnthropicErrorDetail::name(), AnthropicErrorDetail::schema())
        // Named by hand-written schemas, which no derive follows.
        .schema(PartBody::name(), PartBody::schema())
        .schema(ImageUrlBody::name(), ImageUrlBody::schema())
        .schema(InputItemBody::name(), InputItemBody::schema())
        .schema(InputPartBody::name(), InputPartBody::schema())
        .schema(AnthropicBlockBody::name(), AnthropicBlockBody::schema())
        .schema(SourceBody::name(), SourceBody::schema())
        .build();
    let tags = TAGS
        .iter()
        .map(|(name, description)| {
            TagBuilder::new()
                .name(*name)
                .description(Some(*description))
                .build()
        })
        .collect::<Vec<_>>();
    OpenApiBuilder::new()
        .info(info)
        .paths(Paths::new())
        .components(Some(components))
        .tags(Some(tags))
        .build()
}

const BEARER: &str = "bearer";
const API_KEY: &str = "api_key";

const DESCRIPTION: &str = "An extensible content engine. Errors are problem details (RFC 9457) with a \
stable `code`; the routes that are compatible with OpenAI or Anthropic answer in their own envelope. Every \
reply carries `x-request-id`.";

const TAGS: &[(&str, &str)] = &[
    ("auth", "Sign-in, sign-up, and the signed-in user."),
    ("users", "Everybody's accounts, for admins."),
    (
        "models",
        "Language models, compatible with clients of OpenAI and Anthropic.",
    ),
    (
        "generation",
        "Templates, and generations as background jobs.",
    ),
    (
        "research",
        "Tools that look things up and name their sources, and notes of what was found.",
    ),
    ("analytics", "Reports of typed blocks."),
    ("articles", "Articles, their revisions and provenance."),
    ("media", "Files of projects, and uploads in pieces."),
    ("search", "Full-text search."),
    ("projects", "Projects and who is in them."),
    ("events", "What happens, for programs that follow."),
    ("audit", "Who did what, when and from where."),
    ("plugins", "The plugins of this engine."),
    ("operation", "Health and metrics."),
];

/// Adds what all operations share.
fn share(mut document: OpenApi) -> OpenApi {
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        for operation in item.get.iter_mut() {
            share_with(operation, &path);
        }
        for operation in item.post.iter_mut().filter(|_| takes_key(&path)) {
            take_key(operation, &path);
        }
        let changes = [
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in changes.into_iter().flatten() {
            share_with(operation, &path);
            if path.starts_with("/v1/") {
                let what = "It clashes with what is there, or with what it is now.";
                add_error(operation, &path, "409", what);
            }
        }
        // A wildcard is the router's word; for clients it is one parameter like others.
        document.paths.paths.insert(path.replace("{*", "{"), item);
    }
    document
}

/// What may be sent again and is made once.
fn take_key(operation: &mut Operation, path: &str) {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[!-~]{1,255}$"));
    let key = ParameterBuilder::new()
        .name("idempotency-key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Of all requests with this key, 1 to 255 visible ASCII characters, one is made within 24 hours, and \
             the others get its reply with `idempotent-replayed: true`.",
        ))
        .schema(Some(text))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(key));
    let what = "The `idempotency-key` came with another request before.";
    add_error(operation, path, "422", what);
}

fn share_with(operation: &mut Operation, path: &str) {
    if !path.starts_with("/v1/") {
        return;
    }
    let is_public = path.starts_with("/v1/auth/");
    if !is_public {
        let schemes = [BEARER, API_KEY];
        let schemes = schemes.map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        operation.security = Some(schemes.into());
    }
    let mut statuses = vec![
        ("401", "No valid token or credentials were sent."),
        ("429", "Too many requests; see `retry-after`."),
        ("500", "A fault of the engine or of a plugin."),
        (
            "503",
            "Something needed is down, full or shutting down; see `retry-after`.",
        ),
    ];
    if !is_public {
        statuses.push(("403", "The right for this is missing."));
    }
    let is_of_models = Envelope::of(path).is_of_models();
    if path.contains('{') || (is_of_models && operation.request_body.is_some()) {
        statuses.push(("404", "There is no such thing, or it may not be seen."));
    }
    if operation.parameters.is_some() || operation.request_body.is_some() {
        statuses.push((
            "400",
            "The request is not valid; `errors` names the fields.",
        ));
    }
    if operation.request_body.is_some() {
        statuses.push(("413", "The body is too large."));
        statuses.push(("415", "The body is not JSON."));
    }
    if is_of_models || path.starts_with("/v1/research/") || path.starts_with("/v1/analytics/") {
        statuses.push((
            "502",
            "An upstream answered with an error or with nonsense.",
        ));
        statuses.push(("504", "The plugin or its upstream did not answer in time."));
    }
    for (status, description) in statuses {
        add_error(operation, path, status, description);
    }
}

/// Unless the route says it itself.
fn add_error(operation: &mut Operation, path: &str, status: &str, description: &str) {
    let response = RefOr::T(error_response(Envelope::of(path), description));
    let responses = &mut operation.responses.responses;
    responses.entry(status.to_owned()).or_insert(response);
}

fn error_response(envelope: Envelope, description: &str) -> Response {
    let (media_type, schema) = match envelope {
        Envelope::Problem => (Problem::MEDIA_TYPE, Problem::name()),
        Envelope::OpenAi => ("application/json", OpenAiError::name()),
        Envelope::Anthropic => ("application/json", AnthropicError::name()),
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content(media_type, content)
        .build()
}
