//! The parts of the OCI distribution specification that packages need: sign-in, manifest, blobs.
//! A package is the one layer of a manifest, with a media type of its own.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_auth::parse_challenges;
use inkstone_domain::plugin::PackageFormat;
use inkstone_domain::{Error, Result, codes};
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use super::download::{Answer, Download, parse, upstream};
use super::reference::{Reference, Version, is_digest};
use super::{PackageLabel, RegistryAccess, check_digest, sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const ARTIFACT: &str = "application/vnd.inkstone.plugin.v1";
const PACKAGE: &str = "application/vnd.inkstone.plugin.v1+zip";
const COMPONENT: &str = "application/wasm";
/// An artifact has no configuration; the specification wants one all the same.
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BLOB: &[u8] = b"{}";
const MAX_MANIFEST_BYTES: u64 = 4 << 20;
const MAX_TOKEN_BYTES: u64 = 1 << 20;

/// One repository of a registry, for one errand.
pub(super) struct Repository<'a> {
    download: Download<'a>,
    access: Option<&'a RegistryAccess>,
    /// `https://registry/v2/repository`.
    base: String,
    max_bytes: u64,
    /// The `authorization` that the registry asked for.
    authorization: Mutex<Option<HeaderValue>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    annotations: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    /// `sha256:` and hex.
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    annotations: serde_json::Map<String, serde_json::Value>,
}

/// Some registries give it the one name, some the other, some both.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'a> Repository<'a> {
    pub(super) fn new(
        download: Download<'a>,
        reference: &Reference,
        access: Option<&'a RegistryAccess>,
        max_bytes: u64,
    ) -> Self {
        let is_plain = reference.is_loopback() || access.is_some_and(|it| it.plain_http);
        let scheme = if is_plain { "http" } else { "https" };
        Self {
            download,
            access,
            base: format!(
                "{scheme}://{}/v2/{}",
                reference.registry, reference.repository
            ),
            max_bytes,
            authorization: Mutex::new(None),
        }
    }

    pub(super) async fn pull(&self, reference: &Reference) -> Result<Bytes> {
        let version = reference.version.as_str();
        let address = format!("{}/manifests/{version}", self.base);
        let accept = [(ACCEPT, HeaderValue::from_static(MANIFEST))];
        let answer = self.get(&address, &accept).await?.success().await?;
        let text = answer.body(MAX_MANIFEST_BYTES).await?;
        if let Version::Digest(digest) = &reference.version {
            check_digest(&address, digest, &text)?;
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| {
            upstream(format!("{address} is no OCI manifest")).with_source(error)
        })?;
        let layer = package_layer(&address, &manifest)?;
        if layer.size > self.max_bytes {
            return Err(Error::new(
                &codes::PLUGIN_REJECTED,
                format!(
                    "the package at {address} has {} bytes, and {} are allowed",
                    layer.size, self.max_bytes
                ),
            ));
        }
        let address = format!("{}/blobs/{}", self.base, layer.digest);
        let answer = self.get(&address, &[]).await?.success().await?;
        let package = answer.body(layer.size).await?;
        check_digest(&address, &layer.digest, &package)?;
        Ok(package)
    }

    /// Returns the reference by digest.
    pub(super) async fn push(
        &self,
        reference: &Reference,
        package: Bytes,
        label: &PackageLabel,
    ) -> Result<String> {
        let Version::Tag(tag) = &reference.version else {
            return Err(Error::new(
                &codes::INVALID_INPUT,
                "a package is pushed under a tag; its digest follows from its content",
            ));
        };
        let media_type = match label.format {
            PackageFormat::Package => PACKAGE,
            PackageFormat::Component => COMPONENT,
        };
        let file = format!(
            "{}-{}.{}",
            label.id,
            label.version,
            label.format.extension()
        );
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            artifact_type: Some(ARTIFACT.to_owned()),
            config: Some(described(EMPTY, EMPTY_BLOB)),
            layers: vec![Descriptor {
                annotations: annotations(&[("title", &file)]),
                ..described(media_type, &package)
            }],
            annotations: annotations(&[("title", &label.id), ("version", &label.version)]),
        };
        self.upload(Bytes::from_static(EMPTY_BLOB)).await?;
        self.upload(package).await?;
        let text = serde_json::to_vec(&manifest).map_err(|error| {
            Error::new(&codes::INTERNAL, "the manifest cannot be written").with_source(error)
        })?;
        let address = format!("{}/manifests/{tag}", self.base);
        let digest = format!("sha256:{}", sha256(&text));
        let body = Some((MANIFEST, Bytes::from(text)));
        let answer = self.send(Method::PUT, &address, body).await?;
        answer.success().await?;
        Ok(reference.pinned(&digest))
    }

    /// Puts a blob there, unless it is there already.
    async fn upload(&self, blob: Bytes) -> Result<()> {
        let digest = format!("sha256:{}", sha256(&blob));
        let address = format!("{}/blobs/{digest}", self.base);
        let there = self.send(Method::HEAD, &address, None).await?;
        if there.status().is_success() {
            return Ok(());
        }
        let address = format!("{}/blobs/uploads/", self.base);
        let begun = self.send(Method::POST, &address, None).await?;
        let begun = begun.success().await?;
        let target = begun
            .header(&LOCATION)
            .and_then(|location| parse(&address).ok()?.join(location).ok())
            .ok_or_else(|| upstream(format!("{address} says nowhere to upload to")))?;
        // Our sign-in goes with it.
        if target.origin() != parse(&address)?.origin() {
            return Err(upstream(format!(
                "{address} wants the upload at another host, which is not done"
            )));
        }
        let mut target = target;
        target.query_pairs_mut().append_pair("digest", &digest);
        let body = Some(("application/octet-stream", blob));
        let done = self.send(Method::PUT, target.as_str(), body).await?;
        done.success().await?;
        Ok(())
    }

    /// A `GET` that signs in where the registry asks for it.
    async fn get(&self, url: &str, headers: &[(HeaderName, HeaderValue)]) -> Result<Answer> {
        let mut all = headers.to_vec();
        let present = self.authorization.lock().await.clone();
        all.extend(present.map(|value| (AUTHORIZATION, value)));
        let answer = self.download.get_any(url, &all).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let authorization = self.sign_in(&answer).await?;
        all.retain(|(name, _)| *name != AUTHORIZATION);
        all.push((AUTHORIZATION, authorization));
        self.download.get_any(url, &all).await
    }

    /// Any other request; the same.
    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<Answer> {
        let present = self.authorization.lock().await.clone();
        let answer = self.send_with(&method, url, &body, present).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let authorization = self.sign_in(&answer).await?;
        self.send_with(&method, url, &body, Some(authorization))
            .await
    }

    async fn send_with(
        &self,
        method: &Method,
        url: &str,
        body: &Option<(&'static str, Bytes)>,
        authorization: Option<HeaderValue>,
    ) -> Result<Answer> {
        let mut request = self.download.http.request(method.clone(), parse(url)?);
        if let Some((media_type, body)) = body {
            request = request.header(CONTENT_TYPE, *media_type).body(body.clone());
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.download.send(request).await
    }

    /// Does what `www-authenticate` asks for.
    async fn sign_in(&self, refused: &Answer) -> Result<HeaderValue> {
        let challenges = refused
            .header(&WWW_AUTHENTICATE)
            .and_then(|text| parse_challenges(text).ok())
            .unwrap_or_default();
        let of = |scheme: &str| {
            challenges
                .iter()
                .find(|challenge| challenge.scheme.eq_ignore_ascii_case(scheme))
        };
        let authorization = if let Some(bearer) = of("bearer") {
            let param = |name: &str| {
                let found = bearer.params.iter();
                let found = found
                    .clone()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.to_unescaped())
            };
            let realm = param("realm").unwrap_or_default();
            let token = self.token(&realm, param("service"), param("scope")).await?;
            secret_header(&format!("Bearer {token}"))?
        } else if of("basic").is_some() {
            self.basic()?.ok_or_else(|| self.no_sign_in())?
        } else {
            return Err(self.no_sign_in());
        };
        *self.authorization.lock().await = Some(authorization.clone());
        Ok(authorization)
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
    ) -> Result<String> {
        let mut realm = parse(realm)?;
        let is_plain = self.base.starts_with("http://");
        if realm.scheme() == "http" && !is_plain {
            return Err(upstream(format!(
                "{} wants a sign-in without TLS, which is not done",
                self.base
            )));
        }
        add(&mut realm, "service", service);
        add(&mut realm, "scope", scope);
        let basic = self.basic()?.map(|value| (AUTHORIZATION, value));
        let headers: Vec<_> = basic.into_iter().collect();
        let answer = self.download.get(realm.as_str(), &headers).await?;
        let body = answer.body(MAX_TOKEN_BYTES).await?;
        let token: Option<Token> = serde_json::from_slice(&body).ok();
        let token = token.and_then(|it| it.token.or(it.access_token));
        // The text may hold the token, so it is not told.
        token.ok_or_else(|| upstream(format!("the sign-in of {} gave no token", self.base)))
    }

    fn basic(&self) -> Result<Option<HeaderValue>> {
        let sign_in = self.access.and_then(|access| access.sign_in.as_ref());
        let Some((username, password)) = sign_in else {
            return Ok(None);
        };
        let pair = format!("{}:{}", username.expose(), password.expose());
        secret_header(&format!("Basic {}", STANDARD.encode(pair))).map(Some)
    }

    fn no_sign_in(&self) -> Error {
        Error::new(
            &codes::UPSTREAM_UNAUTHORIZED,
            format!(
                "{} asks for a sign-in; put one for its registry into [plugins.registries] of engine.toml",
                self.base
            ),
        )
    }
}

fn package_layer<'m>(address: &str, manifest: &'m Manifest) -> Result<&'m Descriptor> {
    let found = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == PACKAGE)
        .or_else(|| {
            manifest
                .layers
                .iter()
                .find(|layer| layer.media_type == COMPONENT)
        })
        .filter(|layer| is_digest(&layer.digest));
    found.ok_or_else(|| {
        let types: Vec<&str> = manifest
            .layers
            .iter()
            .map(|layer| layer.media_type.as_str())
            .collect();
        Error::new(
            &codes::PLUGIN_REJECTED,
            format!(
                "{address} holds no plugin: it has layers of {types:?}, and a plugin's is {PACKAGE}; `inkstone plugin push` makes one"
            ),
        )
    })
}

fn described(media_type: &str, blob: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: format!("sha256:{}", sha256(blob)),
        size: blob.len() as u64,
        annotations: serde_json::Map::new(),
    }
}

fn annotations(pairs: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
    pairs
        .iter()
        .map(|(name, value)| {
            let name = format!("org.opencontainers.image.{name}");
            (name, serde_json::Value::from(*value))
        })
        .collect()
}

fn add(url: &mut Url, name: &str, value: Option<String>) {
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, &value);
    }
}

fn secret_header(text: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Error::new(
            &codes::UPSTREAM_UNAUTHORIZED,
            "the sign-in of the registry holds characters that no header may",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
