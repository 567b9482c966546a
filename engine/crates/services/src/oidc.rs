//! Sign-in at other issuers (OpenID Connect: code flow with PKCE, state and nonce). What a browser carries
//! from the start to the way back is sealed; what it gets at the end is a ticket that is good once, so that
//! no token stands in an address. Who an identity belongs to is decided in `accounts` below.

mod accounts;
mod flow;
mod issuer;
mod place;

use std::sync::Arc;
use std::time::Duration;

use inkstone_domain::ids::UserId;
use inkstone_domain::people::{Identity, MailPurpose, MailToken};
use inkstone_domain::ports::{Clock, Egress, IdentityStore, PeopleStore, UserStore};
use inkstone_domain::principal::{Principal, Role, User};
use inkstone_domain::{Error, Result, codes};
use moka::sync::Cache;
use tokio::sync::Mutex;

use self::flow::Flow;
use self::issuer::Issuer;
use self::place::Places;
use crate::auth::{Attempt, Auth, TokenPair, Visit, check_may_sign_in, random_token, token_hash};

/// From the start to the way back.
const FLOW_TTL: Duration = Duration::from_secs(10 * 60);
/// From the way back to the tokens.
const TICKET_TTL: Duration = Duration::from_secs(60);
/// Ways back that were taken; beyond this the oldest are forgotten, and the issuer alone refuses its code.
const REMEMBERED: u64 = 100_000;

/// Where people may sign in beside here, and what holds for it.
#[derive(Debug, Clone, Default)]
pub struct OidcConfig {
    pub issuers: Vec<IssuerConfig>,
    /// Where browsers reach the engine, without a slash at the end.
    pub public_url: String,
    /// Where else they may be sent back to, as `https://app.example.org`.
    pub return_origins: Vec<String>,
}

/// An issuer.
#[derive(Clone)]
pub struct IssuerConfig {
    /// In addresses of ours; a short word.
    pub id: String,
    /// For people.
    pub name: String,
    /// As it names itself.
    pub issuer: String,
    pub client_id: String,
    /// `None` for a public client: PKCE alone.
    pub client_secret: Option<String>,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// Of verified addresses; everybody's where it is empty.
    pub email_domains: Vec<String>,
    pub strangers: Strangers,
    pub link: LinkRule,
    pub second_factor: SecondFactorRule,
}

impl std::fmt::Debug for IssuerConfig {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuerConfig({} at {})", self.id, self.issuer)
    }
}

/// What becomes of those whom nobody here knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strangers {
    Refuse,
    /// They get an account of this role, if the issuer has verified their address.
    SignUp(Role),
}

/// What becomes of those whose address somebody here has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRule {
    /// They sign in here and link the identity themselves.
    Explicit,
    /// They are taken to be the same, if both sides have verified the address.
    VerifiedEmail,
}

/// Whether the second factor that an account has here is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactorRule {
    Ask,
    /// The issuer has one of its own.
    Trust,
}

/// What it stands on.
pub struct OidcPorts {
    pub identities: Arc<dyn IdentityStore>,
    pub users: Arc<dyn UserStore>,
    pub people: Arc<dyn PeopleStore>,
    pub egress: Arc<dyn Egress>,
    pub clock: Arc<dyn Clock>,
}

/// A browser is sent there, and keeps the value until it comes back.
#[derive(Clone)]
pub struct Departure {
    /// At the issuer.
    pub url: String,
    pub cookie: FlowCookie,
}

/// What the browser keeps meanwhile.
#[derive(Clone, PartialEq, Eq)]
pub struct FlowCookie {
    pub name: String,
    /// Sealed; empty where it is taken away.
    pub value: String,
    pub max_age_s: u64,
    /// Whether it may go over TLS only.
    pub is_secure: bool,
}

/// What the issuer sent the browser back with.
#[derive(Clone, Default)]
pub struct WayBack {
    pub state: String,
    pub code: Option<String>,
    /// RFC 9207.
    pub iss: Option<String>,
    /// A word of the issuer, where it refused.
    pub error: Option<String>,
}

/// How a way back ended.
pub struct Landing {
    /// Where the browser goes on; `None` where nothing was wished.
    pub return_to: Option<String>,
    pub outcome: Result<Arrival>,
}

/// What was reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Arrival {
    /// With this ticket somebody gets their tokens.
    SignedIn { ticket: String, ttl_s: u64 },
    /// The identity belongs to who was signed in.
    Linked,
}

/// An identity, and the issuer's short word where it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedIdentity {
    pub issuer_id: Option<String>,
    pub identity: Identity,
}

/// Signs people in who showed elsewhere who they are.
pub struct Oidc {
    auth: Arc<Auth>,
    identities: Arc<dyn IdentityStore>,
    users: Arc<dyn UserStore>,
    people: Arc<dyn PeopleStore>,
    clock: Arc<dyn Clock>,
    issuers: Vec<Issuer>,
    places: Places,
    /// States whose way back was taken.
    spent: Cache<[u8; 32], ()>,
    /// One removal at a time, so that no two take the last way in together.
    unlinking: Mutex<()>,
}

impl Oidc {
    /// `invalid_config` where an address is none.
    pub fn new(auth: Arc<Auth>, ports: OidcPorts, config: OidcConfig) -> Result<Self> {
        let OidcPorts {
            identities,
            users,
            people,
            egress,
            clock,
        } = ports;
        let places = Places::new(&config.public_url, &config.return_origins)?;
        let issuers = config.issuers.into_iter().map(|issuer| {
            let redirect = places.callback(&issuer.id);
            Issuer::new(issuer, redirect, Arc::clone(&egress), Arc::clone(&clock))
        });
        let issuers = issuers.collect::<Result<_>>()?;
        Ok(Self {
            auth,
            identities,
            users,
            people,
            clock,
            issuers,
            places,
            spent: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(FLOW_TTL * 2)
                .build(),
            unlinking: Mutex::default(),
        })
    }

    /// Those that are configured.
    pub fn issuers(&self) -> impl Iterator<Item = &IssuerConfig> {
        self.issuers.iter().map(|issuer| &issuer.config)
    }

    /// Begins a sign-in. `invalid_input` for a `return_to` that is neither ours nor allowed.
    pub async fn start(&self, issuer: &str, return_to: Option<&str>) -> Result<Departure> {
        self.depart(issuer, return_to, None).await
    }

    /// Begins to link an identity to who is signed in. Needs the password where they have one.
    pub async fn start_linking(
        &self,
        principal: &Principal,
        issuer: &str,
        return_to: Option<&str>,
        password: Option<String>,
    ) -> Result<Departure> {
        self.issuer(issuer)?;
        let account = self.users.account(principal.user).await?;
        let has_password = account.is_some_and(|account| !account.password_hash.is_empty());
        match (has_password, password) {
            (true, Some(password)) => {
                self.auth.confirm_password(principal.user, password).await?;
            }
            (true, None) => {
                return Err(Error::new(
                    &codes::INVALID_CREDENTIALS,
                    "this account has a password; send it as `password`, so that nobody links themselves with a stolen token",
                ));
            }
            (false, _) => {}
        }
        self.depart(issuer, return_to, Some(principal.user)).await
    }

    async fn depart(
        &self,
        issuer: &str,
        return_to: Option<&str>,
        link: Option<UserId>,
    ) -> Result<Departure> {
        let issuer = self.issuer(issuer)?;
        let return_to = return_to
            .map(|wished| self.places.check(wished))
            .transpose()?;
        let request = issuer.authorization().await?;
        let flow = Flow {
            issuer: issuer.config.id.clone(),
            state: request.state,
            nonce: request.nonce,
            verifier: request.verifier,
            return_to,
            link,
            expires_at: self.clock.now() + FLOW_TTL,
        };
        let cookie = FlowCookie {
            name: flow::cookie_name(&flow.state),
            value: flow.seal(self.auth.sealing())?,
            max_age_s: FLOW_TTL.as_secs(),
            is_secure: self.places.is_secure(),
        };
        Ok(Departure {
            url: request.url,
            cookie,
        })
    }

    /// The cookie that belongs to a state, without its value.
    pub fn spent_cookie(&self, state: &str) -> FlowCookie {
        FlowCookie {
            name: flow::cookie_name(state),
            value: String::new(),
            max_age_s: 0,
            is_secure: self.places.is_secure(),
        }
    }

    /// Ends what was started. Only the browser that has the cookie can, and only once.
    pub async fn land(
        &self,
        issuer: &str,
        back: WayBack,
        cookie: Option<&str>,
        visit: Visit,
    ) -> Result<Landing> {
        let issuer = self.issuer(issuer)?;
        let now = self.clock.now();
        let cookie = cookie.ok_or_else(|| {
            refused("this browser has not begun this sign-in, or too long ago; begin again")
        })?;
        let flow = Flow::open(self.auth.sealing(), cookie, now)?;
        // An answer that another issuer gave, or for another start, is none.
        let is_same =
            flow.issuer == issuer.config.id && token_hash(&flow.state) == token_hash(&back.state);
        if !is_same {
            return Err(refused(
                "the answer belongs to another sign-in; begin again",
            ));
        }
        let is_first = self
            .spent
            .entry(token_hash(&flow.state))
            .or_insert(())
            .is_fresh();
        if !is_first {
            return Err(refused("this answer was used before; begin again"));
        }
        let attempt = Attempt::of("oidc", &flow.state, visit.seen.address);
        self.auth.throttle().begin(&attempt).await?;
        let return_to = flow.return_to.clone();
        let outcome = self.arrive(issuer, flow, back, &visit).await;
        match &outcome {
            Ok(_) => self.auth.throttle().forgive(&attempt).await,
            Err(error) => {
                let address = visit.seen.address.map(|address| address.to_string());
                let key = format!("{} {}", issuer.config.id, address.unwrap_or_default());
                self.auth.note_refusal(&key, None, &visit, error).await?;
            }
        }
        Ok(Landing { return_to, outcome })
    }

    async fn arrive(
        &self,
        issuer: &Issuer,
        flow: Flow,
        back: WayBack,
        visit: &Visit,
    ) -> Result<Arrival> {
        let person = issuer.redeem(&flow, back).await?;
        issuer.check_domain(&person)?;
        if let Some(user) = flow.link {
            self.link(&issuer.config, user, &person, visit).await?;
            return Ok(Arrival::Linked);
        }
        let user = self.account_of(&issuer.config, person, visit).await?;
        check_may_sign_in(&user)?;
        let (ticket, hash) = random_token(match issuer.config.second_factor {
            SecondFactorRule::Ask => ASKED,
            SecondFactorRule::Trust => TRUSTED,
        });
        let token = MailToken {
            token_hash: hash,
            purpose: MailPurpose::FinishSignIn,
            user: user.id,
            expires_at: self.clock.now() + TICKET_TTL,
        };
        self.people.put_mail_token(&token).await?;
        Ok(Arrival::SignedIn {
            ticket,
            ttl_s: TICKET_TTL.as_secs(),
        })
    }

    /// Tokens for a ticket, as a sign-in by password gives. `totp_required` as there; the ticket holds on.
    pub async fn finish(
        &self,
        ticket: &str,
        totp: Option<&str>,
        visit: Visit,
    ) -> Result<TokenPair> {
        let (hash, now, purpose) = (
            token_hash(ticket),
            self.clock.now(),
            MailPurpose::FinishSignIn,
        );
        let seen = self.people.mail_token(hash, purpose, now).await?;
        let seen = seen.ok_or_else(bad_ticket)?;
        let user = self.users.user(seen.user).await?.ok_or_else(bad_ticket)?;
        check_may_sign_in(&user)?;
        let attempt = Attempt::of("sign-in", &user.email, visit.seen.address);
        self.auth.throttle().begin(&attempt).await?;
        // What is hashed has the mark in it: nobody turns one into the other.
        if !ticket.trim().starts_with(TRUSTED)
            && let Err(error) = self.auth.check_second_factor(user.id, totp).await
        {
            if totp.is_some() {
                let known = Some(user.id);
                self.auth
                    .note_refusal(&user.email, known, &visit, &error)
                    .await?;
            }
            return Err(error);
        }
        let spent = self.people.spend_mail_token(hash, purpose, now).await?;
        spent.ok_or_else(bad_ticket)?;
        self.auth.throttle().forgive(&attempt).await;
        let begun = self.auth.begin_session(user.id, None, &visit).await;
        begun.map_err(|error| match error.code() == &codes::INVALID_CREDENTIALS {
            true => bad_ticket(),
            false => error,
        })
    }

    /// Who the caller is elsewhere.
    pub async fn identities(&self, principal: &Principal) -> Result<Vec<LinkedIdentity>> {
        let identities = self.identities.identities(principal.user).await?;
        let linked = identities.into_iter().map(|identity| LinkedIdentity {
            issuer_id: self.id_of(&identity.issuer),
            identity,
        });
        Ok(linked.collect())
    }

    fn id_of(&self, issuer: &str) -> Option<String> {
        let known = self.issuers().find(|known| known.issuer == issuer);
        known.map(|known| known.id.clone())
    }

    fn issuer(&self, id: &str) -> Result<&Issuer> {
        let mut issuers = self.issuers.iter();
        issuers
            .find(|issuer| issuer.config.id == id)
            .ok_or_else(|| {
                Error::new(
                    &codes::NOT_FOUND,
                    "there is no such issuer; `GET /v1/auth/oidc` lists those there are",
                )
            })
    }
}

/// Before a ticket whose user shows a second factor, where they have one.
const ASKED: &str = "tic_";
/// Before a ticket that needs none.
const TRUSTED: &str = "tid_";

/// The answer of an issuer proves nothing.
fn refused(why: impl Into<String>) -> Error {
    Error::new(&codes::SIGN_IN_REFUSED, why)
}

fn bad_ticket() -> Error {
    Error::new(
        &codes::INVALID_TOKEN,
        "the ticket is unknown, was used, or has expired; sign in at the issuer again",
    )
}

/// Whom nobody lets in.
fn unknown_person(user: Option<User>, issuer: &str) -> Error {
    let message = match user {
        Some(_) => format!(
            "an account with this address is here; sign in to it, and link the identity with `POST /v1/me/identities/{issuer}/start`"
        ),
        None => "nobody here has this identity; ask an admin for an account".to_owned(),
    };
    Error::new(&codes::FORBIDDEN, message)
}
