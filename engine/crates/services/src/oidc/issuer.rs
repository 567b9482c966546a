//! One issuer: what it says of itself, read once an hour; where people are sent; and whom its answer proves.
//! Every call to it goes through egress: to the host that the configuration names, and to public ones that
//! it names itself, over TLS.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use inkstone_domain::capability::{Effective, Permissions};
use inkstone_domain::outbound::{OutboundRequest, Redirects};
use inkstone_domain::ports::{Clock, Egress};
use inkstone_domain::{Error, Result, codes};
use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGenderClaim, CoreGrantType, CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier,
    CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm,
    CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType,
};
use openidconnect::{
    AccessToken, AccessTokenHash, AdditionalProviderMetadata, AsyncHttpClient, AuthType,
    AuthenticationFlow, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret,
    CsrfToken, DiscoveryError, EmptyAdditionalClaims, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, ProviderMetadata, RedirectUrl, RequestTokenError, Scope,
    TokenResponse, UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::flow::Flow;
use super::{IssuerConfig, WayBack, refused};
use crate::auth::normalize;

/// Whom egress counts the calls for.
const CALLER: &str = "oidc";
/// Of one call.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 1 << 20;
/// What an issuer says of itself is read again after that.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// The same where a key is missing: it may be a new one.
const NEW_KEYS: Duration = Duration::from_secs(60);
/// What was read before does for so long where the issuer does not answer.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// An issuer that did not answer is left alone for so long.
const REST: Duration = Duration::from_secs(5);
/// Between its clock and ours.
const SKEW: Duration = Duration::from_secs(60);

/// By keys that only the issuer has: never by a shared secret, never unsigned.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// What RFC 9207 adds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Extras {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for Extras {}

type Metadata = ProviderMetadata<
    Extras,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An issuer, and what it last said of itself.
pub(super) struct Issuer {
    pub config: IssuerConfig,
    address: IssuerUrl,
    redirect: RedirectUrl,
    door: Door,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    metadata: Option<(DateTime<Utc>, Arc<Metadata>)>,
    failed_at: Option<DateTime<Utc>>,
}

/// A request for authorization, and what its answer is checked against.
pub(super) struct Authorization {
    pub url: String,
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

/// Whom an issuer proved.
pub(super) struct Person {
    pub subject: String,
    /// As we keep addresses.
    pub email: Option<String>,
    pub is_verified: bool,
    pub name: Option<String>,
}

impl Person {
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.is_verified)
    }
}

impl Issuer {
    /// `redirect` is where it sends people back to. `invalid_config` where an address is none.
    pub fn new(
        config: IssuerConfig,
        redirect: String,
        egress: Arc<dyn Egress>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let address = IssuerUrl::new(config.issuer.clone());
        let address = address.map_err(|error| wrong_address(&config.issuer, error))?;
        let door = Door::new(egress, address.url())?;
        let redirect =
            RedirectUrl::new(redirect).map_err(|error| wrong_address(&config.issuer, error))?;
        Ok(Self {
            config,
            address,
            redirect,
            door,
            clock,
            known: Mutex::default(),
        })
    }

    /// Where to send somebody.
    pub async fn authorization(&self) -> Result<Authorization> {
        let client = self.client(&*self.metadata(FRESH).await?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let scopes = self.config.scopes.iter().cloned().map(Scope::new);
        let (url, state, nonce) = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                CsrfToken::new_random,
                Nonce::new_random,
            )
            .add_scopes(scopes)
            .set_pkce_challenge(challenge)
            .url();
        Ok(Authorization {
            url: url.into(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
        })
    }

    /// Whom the answer proves. `sign_in_refused` where it proves nobody.
    pub async fn redeem(&self, flow: &Flow, back: WayBack) -> Result<Person> {
        let metadata = self.metadata(FRESH).await?;
        self.check_iss(&metadata, back.iss.as_deref())?;
        if let Some(error) = back.error {
            let word: String = error
                .chars()
                .filter(char::is_ascii_graphic)
                .take(64)
                .collect();
            return Err(refused(format!("the issuer refused: {word:?}")));
        }
        let Some(code) = back.code.filter(|code| !code.is_empty()) else {
            return Err(refused("the issuer's answer has no code"));
        };
        let client = self.client(&metadata);
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| self.useless(error))?
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()));
        let tokens = match request.request_async(&self.door).await {
            Ok(tokens) => tokens,
            Err(RequestTokenError::Request(error)) => return Err(self.said(error)),
            Err(error @ RequestTokenError::ServerResponse(_)) => {
                return Err(refused("the issuer did not take its code back").with_source(error));
            }
            Err(error) => return Err(self.useless(error)),
        };
        let id_token = tokens.id_token();
        let id_token = id_token.ok_or_else(|| refused("the issuer gave no id_token"))?;
        let nonce = Nonce::new(flow.nonce.clone());
        let access = tokens.access_token();
        let checked = self.check(&client, id_token, &nonce, access);
        let claims = match checked {
            Err(Doubt::Signature(_)) => {
                // Signed with a key that was made after the keys were read, perhaps.
                let client = self.client(&*self.metadata(NEW_KEYS).await?);
                self.check(&client, id_token, &nonce, access)
            }
            checked => checked,
        }
        .map_err(|doubt| doubt.error())?;
        self.person(&client, access, &claims).await
    }

    /// Whoever asks another issuer for a code and passes it on here is found out by this.
    fn check_iss(&self, metadata: &Metadata, iss: Option<&str>) -> Result<()> {
        let extras = metadata.additional_metadata();
        match iss {
            Some(iss) if iss == self.address.as_str() => Ok(()),
            Some(_) => Err(refused("the answer is another issuer's")),
            None if extras.authorization_response_iss_parameter_supported => {
                Err(refused("the answer does not say whose it is"))
            }
            None => Ok(()),
        }
    }

    fn check(
        &self,
        client: &Client,
        id_token: &CoreIdToken,
        nonce: &Nonce,
        access: &AccessToken,
    ) -> std::result::Result<CoreIdTokenClaims, Doubt> {
        let clock = Arc::clone(&self.clock);
        let verifier: CoreIdTokenVerifier<'_> = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || clock.now() - SKEW);
        let claims = id_token.claims(&verifier, nonce).map_err(Doubt::of)?;
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = id_token.signing_alg().map_err(Doubt::other)?;
            let key = id_token.signing_key(&verifier).map_err(Doubt::other)?;
            let actual = AccessTokenHash::from_token(access, algorithm, key);
            if actual.map_err(Doubt::other)? != *expected {
                return Err(Doubt::Other("at_hash is of another access token".into()));
            }
        }
        Ok(claims.clone())
    }

    /// Many issuers tell the address only to who asks for it.
    async fn person(
        &self,
        client: &Client,
        access: &AccessToken,
        claims: &CoreIdTokenClaims,
    ) -> Result<Person> {
        let subject = claims.subject();
        let mut person = Person {
            subject: subject.to_string(),
            email: claims.email().map(|email| normalize(email)),
            is_verified: claims.email_verified().unwrap_or_default(),
            name: claims
                .name()
                .and_then(|name| Some(name.get(None)?.to_string())),
        };
        if person.email.is_some() || client.user_info_url().is_none() {
            return Ok(person);
        }
        let asked = client.user_info(access.clone(), Some(subject.clone()));
        let asked = asked.map_err(|error| self.useless(error))?;
        let told = asked.request_async(&self.door).await;
        let told: UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim> =
            told.map_err(|error| self.useless(error))?;
        person.email = told.email().map(|email| normalize(email));
        person.is_verified = told.email_verified().unwrap_or_default();
        let name = told
            .name()
            .and_then(|name| Some(name.get(None)?.to_string()));
        person.name = person.name.or(name);
        Ok(person)
    }

    /// `forbidden` for addresses of domains that are not let in.
    pub fn check_domain(&self, person: &Person) -> Result<()> {
        let domains = &self.config.email_domains;
        let domain = person
            .verified_email()
            .and_then(|email| email.rsplit_once('@'));
        let is_let_in = domain.is_some_and(|(_, domain)| {
            domains
                .iter()
                .any(|known| known.eq_ignore_ascii_case(domain))
        });
        match domains.is_empty() || is_let_in {
            true => Ok(()),
            false => Err(Error::new(
                &codes::FORBIDDEN,
                "people of this issuer come in with a verified address of certain domains only, and yours is of none of them",
            )),
        }
    }

    fn client(&self, metadata: &Metadata) -> Client {
        let id = ClientId::new(self.config.client_id.clone());
        let secret = self.config.client_secret.clone().map(ClientSecret::new);
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes = |method| methods.is_none_or(|methods| methods.contains(&method));
        // Basic where nothing is said: the specification's default.
        let auth_type = match takes(CoreClientAuthMethod::ClientSecretBasic) {
            true => AuthType::BasicAuth,
            false => AuthType::RequestBody,
        };
        CoreClient::from_provider_metadata(metadata.clone(), id, secret)
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth_type)
    }

    /// What it says of itself, with its keys, not older than this if it answers. One asks, others wait.
    async fn metadata(&self, max_age: Duration) -> Result<Arc<Metadata>> {
        let mut known = self.known.lock().await;
        let now = self.clock.now();
        let held = known.metadata.clone();
        if let Some((read_at, metadata)) = &held
            && now < *read_at + max_age
        {
            return Ok(Arc::clone(metadata));
        }
        let read = match known.failed_at {
            Some(failed_at) if now < failed_at + REST => Err(Error::new(
                &codes::UPSTREAM_UNREACHABLE,
                "the issuer did not answer a moment ago",
            )
            .with_retry_after(Some(REST))),
            _ => self.read().await,
        };
        match (read, held) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                *known = Known {
                    metadata: Some((now, Arc::clone(&metadata))),
                    failed_at: None,
                };
                Ok(metadata)
            }
            (Err(error), Some((read_at, metadata))) if now < read_at + STALE => {
                tracing::warn!(
                    issuer = self.config.id,
                    ?error,
                    "an issuer does not say anew who it is"
                );
                known.failed_at = known.failed_at.filter(|at| now < *at + REST).or(Some(now));
                Ok(metadata)
            }
            (Err(error), _) => {
                known.failed_at = known.failed_at.filter(|at| now < *at + REST).or(Some(now));
                Err(self.said(error))
            }
        }
    }

    async fn read(&self) -> Result<Metadata> {
        let read = Metadata::discover_async(self.address.clone(), &self.door).await;
        read.map_err(|error| match error {
            DiscoveryError::Request(error) => error,
            error => Error::new(
                &codes::UPSTREAM_ERROR,
                "its discovery document or its keys cannot be read",
            )
            .with_source(error),
        })
    }

    fn said(&self, error: Error) -> Error {
        error.context(format!("the issuer `{}`", self.config.id))
    }

    fn useless(&self, error: impl std::error::Error + Send + Sync + 'static) -> Error {
        let message = format!("the issuer `{}` answered with nonsense", self.config.id);
        Error::new(&codes::UPSTREAM_ERROR, message).with_source(error)
    }
}

/// Why an id_token proves nothing.
enum Doubt {
    /// By none of the keys that are known.
    Signature(ClaimsVerificationError),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Doubt {
    fn of(error: ClaimsVerificationError) -> Self {
        match error {
            error @ ClaimsVerificationError::SignatureVerification(_) => Self::Signature(error),
            error => Self::Other(error.into()),
        }
    }

    fn other(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Other(error.into())
    }

    fn error(self) -> Error {
        let refused = refused("the issuer's id_token does not prove who you are");
        match self {
            Self::Signature(error) => refused.with_source(error),
            Self::Other(error) => refused.with_source(error),
        }
    }
}

/// The way out.
struct Door {
    egress: Arc<dyn Egress>,
    powers: Effective,
}

impl Door {
    fn new(egress: Arc<dyn Egress>, issuer: &Url) -> Result<Self> {
        let (scheme, host) = (issuer.scheme(), issuer.host_str().unwrap_or_default());
        let port = issuer.port_or_known_default().unwrap_or_default();
        let own = format!("{scheme}://{host}:{port}").parse()?;
        Ok(Self {
            egress,
            powers: Effective {
                permissions: Permissions {
                    // Keys and tokens may lie at other hosts, but at no private ones.
                    outbound_hosts: vec![own, "https://*:*".parse()?],
                    ..Permissions::default()
                },
            },
        })
    }

    async fn pass(&self, request: HttpRequest) -> Result<HttpResponse> {
        let (head, body) = request.into_parts();
        let url = head.uri.to_string();
        let headers = head.headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        let request = OutboundRequest {
            method: head.method.as_str().to_owned(),
            url: url.clone(),
            headers: headers.collect(),
            body: (!body.is_empty()).then(|| body.into()),
            credential: None,
            timeout: Some(PATIENCE),
            redirects: Redirects::Answer,
        };
        let answer = self.exchange(request, &url);
        tokio::time::timeout(PATIENCE * 2, answer)
            .await
            .map_err(|_| Error::new(&codes::UPSTREAM_TIMEOUT, "it did not answer in time"))?
    }

    async fn exchange(&self, request: OutboundRequest, url: &str) -> Result<HttpResponse> {
        let mut answer = self.egress.send(CALLER, &self.powers, request).await?;
        if answer.url != url || (300..400).contains(&answer.status) {
            return Err(unusable("it sends us elsewhere"));
        }
        let mut body = Vec::new();
        while let Some(piece) = answer.body.next().await {
            let piece = piece?;
            if body.len() + piece.len() > MOST_BYTES {
                return Err(unusable("its answer is too long"));
            }
            body.extend_from_slice(&piece);
        }
        let mut response = http::Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        let response = response.body(body);
        response.map_err(|error| unusable("its answer is no HTTP").with_source(error))
    }
}

impl<'c> AsyncHttpClient<'c> for Door {
    type Error = Error;
    type Future = BoxFuture<'c, Result<HttpResponse>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        self.pass(request).boxed()
    }
}

fn unusable(why: &str) -> Error {
    Error::new(&codes::UPSTREAM_ERROR, why)
}

fn wrong_address(address: &str, error: impl std::fmt::Display) -> Error {
    Error::new(
        &codes::INVALID_CONFIG,
        format!("`{address}` is no address of an issuer: {error}"),
    )
}
