//! The keys of access tokens: their public halves for everybody, and changing them for admins.

use axum::extract::State;

use crate::error::ApiResult;
use crate::extract::Caller;
use crate::reply::ok;
use crate::state::Shared;
use crate::wire::account::KeySetReply;

/// The keys of access tokens
///
/// A JSON Web Key Set: others check our access tokens with it.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "The public keys, the one that signs first.", body = KeySetReply)),
)]
pub(crate) async fn show_public_keys(State(state): State<Shared>) -> ApiResult {
    ok(&KeySetReply::from(state.services.auth.public_keys()))
}

/// Change the signing key
///
/// A new key signs from now on; tokens of the one before hold until they run out. For admins.
#[utoipa::path(
    post, path = "/v1/signing-keys/rotate", tag = "operation",
    responses((status = 200, description = "The public keys as they are now.", body = KeySetReply)),
)]
pub(crate) async fn rotate_signing_key(
    State(state): State<Shared>,
    Caller(principal): Caller,
) -> ApiResult {
    let keys = state.services.auth.rotate_signing_key(&principal).await?;
    ok(&KeySetReply::from(keys))
}
