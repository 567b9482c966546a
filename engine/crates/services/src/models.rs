//! Which provider and model a name means, and which models there are. Asking a model something is
//! the work of `chat`.

pub(crate) mod spelling;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use inkstone_domain::chat::Model;
use inkstone_domain::ids::UserId;
use inkstone_domain::money::Price;
use inkstone_domain::plugin::LoadedPlugin;
use inkstone_domain::ports::{Clock, GuestCall, Provider};
use inkstone_domain::principal::Principal;
use inkstone_domain::{Error, Result, codes};

use self::spelling::Spellings;

use crate::chat::RequestContext;
use crate::gateway::deployments::Deployments;
use crate::gateway::plan::{Candidate, Stage, found_any};
use crate::gateway::{DeploymentConfig, ModelConfig};
use crate::keys::check_admin;
use crate::plugins::{Callable, Choice, Plugins, Snapshot, provider_name};

/// Names of models.
#[derive(Debug, Clone)]
pub struct ModelsConfig {
    /// `provider/model` or an alias, for requests that name none.
    pub default: Option<String>,
    /// The same, for requests to embed that name none.
    pub default_embedding: Option<String>,
    /// Short names for `provider/model`.
    pub aliases: BTreeMap<String, String>,
    /// Names with several deployments, or with others that stand in.
    pub groups: BTreeMap<String, Arc<ModelConfig>>,
    /// By `provider/model`; these go before what a provider's author wrote.
    pub prices: BTreeMap<String, Price>,
    /// A provider that lists its models slower than this is left out of the list.
    pub list_deadline: Duration,
    /// How long a provider's list is kept.
    pub list_ttl: Duration,
}

impl Default for ModelsConfig {
    /// No default models, no aliases, five seconds, a minute.
    fn default() -> Self {
        Self {
            default: None,
            default_embedding: None,
            aliases: BTreeMap::new(),
            groups: BTreeMap::new(),
            prices: BTreeMap::new(),
            list_deadline: Duration::from_secs(5),
            list_ttl: Duration::from_secs(60),
        }
    }
}

/// What a model is asked for; each has a default of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ModelKindAsked {
    Chat,
    Embedding,
    Rerank,
}

/// Where a request goes.
pub struct Route {
    pub plugin: Arc<LoadedPlugin>,
    pub provider: Arc<dyn Provider>,
    /// The provider's own name of the model.
    pub model: String,
    /// `provider/model`, as shown to users.
    pub name: String,
    /// Whether a rollout tries this version of the plugin.
    pub is_canary: bool,
}

/// A model of some provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// `provider/model`.
    pub name: String,
    /// Id of the plugin.
    pub plugin: String,
    pub model: Model,
}

/// Knows the models.
pub struct Models {
    plugins: Arc<Plugins>,
    clock: Arc<dyn Clock>,
    config: ModelsConfig,
    /// Of `config.prices`.
    priced: Spellings,
    /// By plugin id. Locked only to look and to put, never across a call.
    lists: Mutex<HashMap<String, CachedList>>,
}

/// What a provider listed. It counts only while this very plugin serves: a reload may have changed
/// its settings, and with them its models.
struct CachedList {
    plugin: Arc<LoadedPlugin>,
    models: Vec<Model>,
    listed_at: DateTime<Utc>,
}

impl Models {
    /// `config.default` and the aliases are looked up when they are used, since plugins come and go.
    pub fn new(plugins: Arc<Plugins>, clock: Arc<dyn Clock>, config: ModelsConfig) -> Self {
        Self {
            plugins,
            clock,
            priced: Spellings::of(config.prices.keys().map(String::as_str)),
            config,
            lists: Mutex::new(HashMap::new()),
        }
    }

    /// Finds the provider of `provider/model`, of an alias, or of the default where `name` is empty;
    /// else `unknown_model`. Does not ask the provider: it refuses a model it does not have by itself.
    /// Of a name with several deployments it is the first.
    pub fn resolve(&self, name: &str, choice: &Choice) -> Result<Route> {
        let full = self.full_name(name, ModelKindAsked::Chat)?;
        let group = self.config.groups.get(full);
        let first = group.and_then(|group| group.deployments.first());
        self.route(first.map_or(full, |one| one.model.as_str()), choice)
    }

    /// All deployments behind a name, and how they are chosen. Those that cannot be found are left out.
    pub(crate) fn stage(
        &self,
        name: &str,
        kind: ModelKindAsked,
        choice: &Choice,
        deployments: &Deployments,
    ) -> Result<Stage> {
        let full = self.full_name(name, kind)?;
        let config = self.config.groups.get(full);
        let candidate = |model: &str, weight: u32| -> Result<Candidate> {
            let route = self.route(model, choice)?;
            Ok(Candidate {
                deployment: deployments.of(&route),
                price: self.price_of(&route),
                route: Arc::new(route),
                weight,
            })
        };
        let candidates = match config.map(|config| config.deployments.as_slice()) {
            None | Some([]) => vec![candidate(full, 1)],
            Some(several) => several
                .iter()
                .map(|DeploymentConfig { model, weight }| candidate(model, *weight))
                .collect(),
        };
        found_any(full, candidates, config.cloned())
    }

    fn price_of(&self, route: &Route) -> Option<Price> {
        let table = route.plugin.manifest.prices.as_ref();
        let own = self.config.prices.get(&route.name).copied();
        own.or_else(|| table?.price_of(&route.model))
    }

    /// `unknown_model` where another spelling of a name that is called has a price: under this one it would be
    /// free. What `[gateway.models]` says is the admin's choice.
    pub(crate) fn check_spelling(&self, stage: &Stage) -> Result<()> {
        let [only] = stage.candidates.as_slice() else {
            return Ok(());
        };
        if stage.config.is_some() || only.price.is_some() {
            return Ok(());
        }
        let route = &only.route;
        let table = route.plugin.manifest.prices.as_ref();
        let of_table = || {
            let model = spelling::priced_as(table?, &route.model)?;
            Some(full_name(&route.plugin, &model))
        };
        let other = self.priced.other(&route.name).map(str::to_owned);
        match other.or_else(of_table) {
            Some(other) => Err(spelling::misspelled(&route.name, &other)),
            None => Ok(()),
        }
    }

    /// Remembers who answered, for a rating.
    pub(crate) fn answered(&self, user: UserId, request_id: &str, route: &Route) {
        self.plugins.answered(user, request_id, &route.plugin);
    }

    /// The models of all providers, in the order of their names. A provider that fails or is slow is
    /// left out and logged.
    pub async fn list(&self) -> Vec<ListedModel> {
        let providers = self.plugins.snapshot().providers();
        let lists = join_all(providers.iter().map(|one| self.list_one(one))).await;
        let mut listed: Vec<ListedModel> = providers
            .iter()
            .zip(lists)
            .flat_map(|(provider, models)| {
                models.into_iter().map(|model| ListedModel {
                    name: full_name(&provider.plugin, &model.id),
                    plugin: provider.plugin.manifest.id.clone(),
                    model,
                })
            })
            .collect();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        listed
    }

    /// Tokens that a model takes at once, question and answer together; a cautious guess where nobody
    /// says.
    pub(crate) async fn context_length(
        &self,
        principal: &Principal,
        context: &RequestContext,
        name: &str,
    ) -> Result<u32> {
        const GUESS: u32 = 8_192;
        let route = self.resolve(name, &Choice::of(principal, context))?;
        let listed = self.list().await;
        let found = listed.into_iter().find(|model| model.name == route.name);
        Ok(found
            .and_then(|found| found.model.context_length)
            .unwrap_or(GUESS))
    }

    /// Asks a provider to check its upstream and credential, with the cheapest call there is. The text says
    /// what was reached. Needs the role admin.
    pub async fn check_connection(&self, principal: &Principal, plugin: &str) -> Result<String> {
        check_admin(principal)?;
        let found = self
            .plugins
            .snapshot()
            .provider(plugin, &Choice::stable())?;
        let call = GuestCall {
            request_id: format!("connection-{plugin}"),
            ..GuestCall::default()
        };
        found.port.validate_connection(&call).await
    }

    /// Aliases and what they stand for.
    /// A name with several deployments stands for the first of them.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        let groups = self.config.groups.iter().filter_map(|(name, group)| {
            let first = group.deployments.first()?;
            Some((name.clone(), first.model.clone()))
        });
        let aliases = self.config.aliases.clone();
        aliases.into_iter().chain(groups).collect()
    }

    /// What a name, an alias or the want of a name stands for.
    fn full_name<'a>(&'a self, name: &'a str, kind: ModelKindAsked) -> Result<&'a str> {
        let default = match kind {
            ModelKindAsked::Chat => self.config.default.as_deref(),
            ModelKindAsked::Embedding => self.config.default_embedding.as_deref(),
            ModelKindAsked::Rerank => None,
        };
        let asked = match name.trim() {
            "" => default.ok_or_else(no_default)?,
            named => named,
        };
        Ok(self.config.aliases.get(asked).map_or(asked, String::as_str))
    }

    /// The one model that an embedding name stands for: vectors are kept under its own name, and those of
    /// several models would not fit together.
    pub(crate) fn embedding_model(&self, name: &str) -> Result<String> {
        let full = self.full_name(name, ModelKindAsked::Embedding)?;
        match self.config.groups.contains_key(full) {
            true => Err(Error::new(
                &codes::INVALID_CONFIG,
                format!(
                    "`{full}` stands for several deployments; texts are embedded by one model, named `provider/model`"
                ),
            )),
            false => Ok(full.to_owned()),
        }
    }

    pub(crate) fn route(&self, full: &str, choice: &Choice) -> Result<Route> {
        let snapshot = self.plugins.snapshot();
        let Some((provider, model)) = full.split_once('/') else {
            return Err(self.unknown(&snapshot, full, "is neither `provider/model` nor an alias"));
        };
        let found = match snapshot.provider(provider, choice) {
            Ok(found) => found,
            Err(error) if error.code() == &codes::UNKNOWN_PLUGIN => {
                let why = format!(
                    "names no provider that serves ({})",
                    provider_list(&snapshot)
                );
                return Err(self.unknown(&snapshot, full, &why));
            }
            Err(error) => return Err(error),
        };
        if model.is_empty() {
            return Err(self.unknown(&snapshot, full, "names a provider, but no model of it"));
        }
        if model.trim() != model || model.contains(char::is_control) {
            return Err(self.unknown(
                &snapshot,
                full,
                "has a blank or a control character too many",
            ));
        }
        Ok(Route {
            name: full_name(&found.plugin, model),
            model: model.to_owned(),
            is_canary: found.is_canary,
            plugin: found.plugin,
            provider: found.port,
        })
    }

    async fn list_one(&self, provider: &Callable<dyn Provider>) -> Vec<Model> {
        if let Some(models) = self.cached(&provider.plugin) {
            return models;
        }
        let id = &provider.plugin.manifest.id;
        let call = GuestCall {
            request_id: format!("models-{id}"),
            ..GuestCall::default()
        };
        let listing = provider.port.models(&call);
        match tokio::time::timeout(self.config.list_deadline, listing).await {
            Ok(Ok(models)) => {
                self.remember(&provider.plugin, &models);
                models
            }
            Ok(Err(error)) => {
                tracing::warn!(plugin.id = id, error = ?error, "the provider did not list its models");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(
                    plugin.id = id,
                    deadline_ms =
                        u64::try_from(self.config.list_deadline.as_millis()).unwrap_or(u64::MAX),
                    "the provider did not list its models in time"
                );
                Vec::new()
            }
        }
    }

    fn cached(&self, plugin: &Arc<LoadedPlugin>) -> Option<Vec<Model>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let list = lists.get(&plugin.manifest.id)?;
        let age = self.clock.now().signed_duration_since(list.listed_at);
        let is_fresh = age.to_std().is_ok_and(|age| age < self.config.list_ttl);
        (is_fresh && Arc::ptr_eq(&list.plugin, plugin)).then(|| list.models.clone())
    }

    fn remember(&self, plugin: &Arc<LoadedPlugin>, models: &[Model]) {
        let list = CachedList {
            plugin: Arc::clone(plugin),
            models: models.to_vec(),
            listed_at: self.clock.now(),
        };
        self.lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(plugin.manifest.id.clone(), list);
    }

    fn unknown(&self, snapshot: &Snapshot, name: &str, why: &str) -> Error {
        let hint = match self.closest(snapshot, name) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "GET /v1/models lists what there is".to_owned(),
        };
        Error::new(
            &codes::UNKNOWN_MODEL,
            format!("the model `{name}` {why}; {hint}"),
        )
    }

    /// The most similar name among aliases and the models listed lately.
    fn closest(&self, snapshot: &Snapshot, name: &str) -> Option<String> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = lists
            .values()
            .filter(|list| {
                let id = &list.plugin.manifest.id;
                snapshot.provider(id, &Choice::stable()).is_ok()
            })
            .flat_map(|list| {
                list.models
                    .iter()
                    .map(|model| (full_name(&list.plugin, &model.id), model.id.as_str()))
            });
        let aliases = self
            .config
            .aliases
            .keys()
            .map(|alias| (alias.clone(), alias.as_str()));
        listed
            .chain(aliases)
            .map(|(full, short)| {
                let likeness =
                    strsim::jaro_winkler(&full, name).max(strsim::jaro_winkler(short, name));
                (likeness, full)
            })
            .filter(|(likeness, _)| *likeness > CLOSE)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, full)| full)
    }
}

/// Names less alike than this are no help.
const CLOSE: f64 = 0.8;

fn full_name(plugin: &LoadedPlugin, model: &str) -> String {
    format!("{}/{model}", provider_name(&plugin.manifest.id))
}

fn no_default() -> Error {
    Error::new(
        &codes::UNKNOWN_MODEL,
        "no model was named and no default is configured; name one as `provider/model`",
    )
}

fn provider_list(snapshot: &Snapshot) -> String {
    let providers = snapshot.providers();
    let names: Vec<&str> = providers
        .iter()
        .map(|one| provider_name(&one.plugin.manifest.id))
        .collect();
    match names.is_empty() {
        true => "none does at the moment".to_owned(),
        false => format!("these do: {}", names.join(", ")),
    }
}
