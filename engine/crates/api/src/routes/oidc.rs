//! `/v1/auth/oidc`: sign-in at other issuers. A browser goes there and comes back; what it brings home is a
//! ticket, and `POST /v1/auth/oidc/tokens` makes tokens of it.

use axum::extract::State;
use axum::http::header::{COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use inkstone_domain::{Error, codes};
use inkstone_services::oidc::{Arrival, FlowCookie, Landing, WayBack};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult};
use crate::extract::{Client, JsonBody, PathWord, QueryOf};
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::account::TokenReply;
use crate::wire::oidc::{ArrivalReply, IssuerReply, TicketBody};
use crate::wire::page::ListReply;

/// Where the browser goes on afterwards.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartQuery {
    /// A path here, or an address at one of `[accounts] return_origins`.
    return_to: Option<String>,
}

/// What the issuer sends along; it may send more.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WayBackQuery {
    /// What the start sent.
    state: String,
    code: Option<String>,
    /// The issuer (RFC 9207).
    iss: Option<String>,
    /// Why the issuer refused.
    error: Option<String>,
}

/// List issuers
///
/// Where people may sign in beside here.
#[utoipa::path(
    get, path = "/v1/auth/oidc", tag = "auth",
    responses((status = 200, description = "All issuers.", body = ListReply<IssuerReply>)),
)]
pub(crate) async fn list_issuers(State(state): State<Shared>) -> ApiResult {
    let issuers = state.services.oidc.issuers();
    ok(&ListReply::<IssuerReply>::whole(issuers))
}

/// Sign in elsewhere
///
/// For browsers: sends them to the issuer, with a cookie that only the way back reads.
#[utoipa::path(
    get, path = "/v1/auth/oidc/{id}/start", tag = "auth", params(("id" = String, Path, description = "The issuer's short word."), StartQuery),
    responses((status = 302, description = "To the issuer.")),
)]
pub(crate) async fn start_sign_in(
    State(state): State<Shared>,
    PathWord(id): PathWord,
    QueryOf(query): QueryOf<StartQuery>,
) -> ApiResult {
    let oidc = &state.services.oidc;
    let departure = oidc.start(&id, query.return_to.as_deref()).await?;
    let response = redirect(StatusCode::FOUND, &departure.url)?;
    with_cookie(response, &departure.cookie)
}

/// Come back from an issuer
///
/// For browsers. With `return_to`, they are sent there with `#ticket=…`, `#linked=true` or `#error=<code>`;
/// else the reply says how it ended.
#[utoipa::path(
    get, path = "/v1/auth/oidc/{id}/callback", tag = "auth", params(("id" = String, Path, description = "The issuer's short word."), WayBackQuery),
    responses(
        (status = 200, description = "A ticket, or the identity is linked.", body = ArrivalReply),
        (status = 303, description = "To where the start said."),
    ),
)]
pub(crate) async fn finish_at_issuer(
    State(state): State<Shared>,
    PathWord(id): PathWord,
    Client(visit): Client,
    headers: HeaderMap,
    QueryOf(query): QueryOf<WayBackQuery>,
) -> ApiResult {
    let oidc = &state.services.oidc;
    let spent = oidc.spent_cookie(&query.state);
    let cookie = cookie_of(&headers, &spent.name);
    let back = WayBack {
        state: query.state,
        code: query.code,
        iss: query.iss,
        error: query.error,
    };
    let landing = oidc.land(&id, back, cookie, visit).await?;
    with_cookie(land(landing)?, &spent)
}

/// Tokens for a ticket
///
/// As a sign-in with a password gives. Where the account has a second factor that the issuer does not stand
/// for, a first call without `totp` is answered with 401 and the code `totp_required`; the ticket holds on.
#[utoipa::path(
    post, path = "/v1/auth/oidc/tokens", tag = "auth", request_body = TicketBody,
    responses((status = 200, description = "Signed in.", body = TokenReply)),
)]
pub(crate) async fn spend_ticket(
    State(state): State<Shared>,
    Client(visit): Client,
    body: JsonBody<TicketBody>,
) -> ApiResult {
    let TicketBody { ticket, totp } = body.value;
    let pair = state.services.oidc.finish(&ticket, totp.as_deref(), visit);
    ok(&TokenReply::from(pair.await?))
}

/// What follows `#` reaches no server and no log of one.
fn land(landing: Landing) -> ApiResult {
    let Some(place) = landing.return_to else {
        return ok(&ArrivalReply::from(landing.outcome?));
    };
    let word = match &landing.outcome {
        Ok(Arrival::SignedIn { ticket, .. }) => format!("ticket={ticket}"),
        Ok(Arrival::Linked) => "linked=true".to_owned(),
        Err(error) => {
            tracing::info!(?error, "a sign-in at an issuer failed");
            format!("error={}", error.code().name)
        }
    };
    redirect(StatusCode::SEE_OTHER, &format!("{place}#{word}"))
}

fn redirect(status: StatusCode, place: &str) -> ApiResult {
    let mut response = Response::default();
    *response.status_mut() = status;
    response.headers_mut().insert(LOCATION, header_of(place)?);
    Ok(response)
}

/// Adds the cookie: no script reads it, and no other site sends it but by a link.
pub(super) fn with_cookie(mut response: Response, cookie: &FlowCookie) -> ApiResult {
    let FlowCookie {
        name,
        value,
        max_age_s,
        is_secure,
    } = cookie;
    let secure = if *is_secure { "; Secure" } else { "" };
    let text = format!(
        "{name}={value}; Path=/v1/auth/oidc; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}"
    );
    response.headers_mut().append(SET_COOKIE, header_of(&text)?);
    Ok(response)
}

fn header_of(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::try_from(text).map_err(|error| {
        ApiError(Error::new(&codes::INTERNAL, "the way on cannot be written").with_source(error))
    })
}

fn cookie_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    named.find_map(|(found, value)| (found == name).then_some(value))
}
