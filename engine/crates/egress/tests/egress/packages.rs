//! Packages from web servers and registries: digests, limits, redirects and sign-in.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use bytes::Bytes;
use inkstone_domain::digest::sha256;
use inkstone_domain::plugin::{PackageFormat, RemoteSource};
use inkstone_domain::ports::PackageFetcher;
use inkstone_egress::Secret;
use inkstone_egress::packages::{HttpPackages, PackageLabel, PackagesConfig, RegistryAccess};
use inkstone_testkit::contract;
use inkstone_testkit::contract::packages::Reachable;
use tokio::net::TcpListener;

const PACKAGE: &[u8] = b"a package of a plugin";

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn fetcher() -> HttpPackages {
    HttpPackages::new(PackagesConfig {
        max_bytes: 1_000,
        ..PackagesConfig::default()
    })
    .unwrap()
}

fn answer(status: StatusCode, headers: &[(&str, &str)], body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

#[tokio::test]
async fn contract_of_fetchers() {
    let router = Router::new().route("/there", get(|| async { PACKAGE }));
    let address = serve(router).await;
    let reachable = Reachable {
        url: format!("http://{address}/there"),
        digest: sha256(PACKAGE),
        package: Bytes::from_static(PACKAGE),
        nothing: format!("http://{address}/nothing"),
    };
    contract::packages::run_fetcher(&fetcher(), &reachable).await;
}

#[tokio::test]
async fn redirects_are_followed_and_sizes_are_bounded() {
    let endless = || async {
        let pieces = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 512]));
        Body::from_stream(pieces)
    };
    let announced = || async { vec![b'x'; 1_001] };
    let to = |target: &'static str| {
        move || async move { answer(StatusCode::FOUND, &[("location", target)], "") }
    };
    let router = Router::new()
        .route("/there", get(|| async { PACKAGE }))
        .route("/moved", get(to("/there")))
        .route("/circle", get(to("/circle")))
        .route("/file", get(to("file:///etc/passwd")))
        .route("/endless", get(endless))
        .route("/announced", get(announced));
    let address = serve(router).await;
    for (path, want) in [
        ("moved", Ok(())),
        ("circle", Err(("upstream_error", "redirected more than"))),
        ("file", Err(("upstream_error", "not valid"))),
        (
            "endless",
            Err(("plugin_rejected", "larger than 1000 bytes")),
        ),
        (
            "announced",
            Err(("plugin_rejected", "larger than 1000 bytes")),
        ),
    ] {
        let url = format!("http://{address}/{path}?secret=s3cret");
        let source = RemoteSource::at_url(&url, &sha256(PACKAGE)).unwrap();
        match (fetcher().fetch(&source).await, want) {
            (Ok(package), Ok(())) => assert_eq!(package, PACKAGE),
            (Err(error), Err((code, words))) => {
                assert_eq!(error.code().name, code, "{path}");
                assert!(error.message().contains(words), "{path}: {error}");
                assert!(!error.message().contains("s3cret"), "{path}: {error}");
            }
            (got, _) => panic!("{path}: {got:?}"),
        }
    }
}

/// A registry with one package `a:1` behind a token, whose blobs lie on another host.
async fn registry(blob_host: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "layers": [{
            "mediaType": "application/vnd.inkstone.plugin.v1+zip",
            "digest": format!("sha256:{}", sha256(PACKAGE)),
            "size": PACKAGE.len(),
        }],
    })
    .to_string();
    let digest = format!("sha256:{}", sha256(manifest.as_bytes()));
    let challenge = format!(
        "Bearer realm=\"http://{address}/token\",service=\"reg\",scope=\"repository:a:pull\""
    );
    let blobs = format!("http://{blob_host}/blob");
    let of_token = |headers: &HeaderMap| headers.get(AUTHORIZATION).cloned();
    let token = move |headers: HeaderMap, Query(query): Query<Vec<(String, String)>>| async move {
        let scope = query.iter().find(|(name, _)| name == "scope").unwrap();
        assert_eq!(scope.1, "repository:a:pull");
        // `me:secret`
        match of_token(&headers).is_some_and(|value| value == "Basic bWU6c2VjcmV0") {
            true => answer(StatusCode::OK, &[], r#"{"token":"t","access_token":"t"}"#),
            false => answer(StatusCode::UNAUTHORIZED, &[], "who are you?"),
        }
    };
    let anything = move |Path(rest): Path<String>, headers: HeaderMap| async move {
        if of_token(&headers).is_none_or(|value| value != "Bearer t") {
            let header = (WWW_AUTHENTICATE.as_str(), challenge.as_str());
            return answer(StatusCode::UNAUTHORIZED, &[header], "");
        }
        match rest.split_once('/') {
            Some(("blobs", _)) => answer(
                StatusCode::TEMPORARY_REDIRECT,
                &[(LOCATION.as_str(), &blobs)],
                "",
            ),
            _ => answer(StatusCode::OK, &[], manifest),
        }
    };
    let router = Router::new()
        .route("/token", get(token))
        .route("/v2/a/{*rest}", get(anything));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, digest)
}

#[tokio::test]
async fn registries_are_signed_in_to_and_blobs_elsewhere_get_no_token() {
    let blob = |headers: HeaderMap| async move {
        assert!(headers.get(AUTHORIZATION).is_none(), "the token leaked");
        PACKAGE
    };
    let blob_host = serve(Router::new().route("/blob", get(blob))).await;
    let (registry, digest) = registry(&blob_host).await;
    let with_sign_in = HttpPackages::new(PackagesConfig {
        registries: vec![RegistryAccess {
            host: registry.clone(),
            sign_in: Some((Secret::new("me"), Secret::new("secret"))),
            plain_http: false,
        }],
        ..PackagesConfig::default()
    })
    .unwrap();
    let fetch = |reference: String| {
        let source = RemoteSource::in_registry(&reference).unwrap();
        let with_sign_in = &with_sign_in;
        async move { with_sign_in.fetch(&source).await }
    };
    for version in [":1".to_owned(), format!("@{digest}")] {
        let package = fetch(format!("{registry}/a{version}")).await.unwrap();
        assert_eq!(package, PACKAGE);
    }
    let other = fetch(format!("{registry}/a@sha256:{}", "0".repeat(64))).await;
    assert_eq!(other.unwrap_err().code().name, "plugin_rejected");

    let source = RemoteSource::in_registry(&format!("{registry}/a:1")).unwrap();
    let error = fetcher().fetch(&source).await.unwrap_err();
    assert_eq!(error.code().name, "upstream_unauthorized");
    assert!(error.message().contains("[plugins.registries]"), "{error}");
    assert!(!error.message().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_registry_with_something_else_is_refused_in_words() {
    let manifest = r#"{"schemaVersion":2,"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:00","size":1}]}"#;
    let router = Router::new().route("/v2/a/manifests/1", get(move || async move { manifest }));
    let registry = serve(router).await;
    let source = RemoteSource::in_registry(&format!("{registry}/a:1")).unwrap();
    let error = fetcher().fetch(&source).await.unwrap_err();
    assert_eq!(error.code().name, "plugin_rejected");
    assert!(error.message().contains("holds no plugin"), "{error}");

    let label = PackageLabel {
        id: "a".to_owned(),
        version: "1.0.0".to_owned(),
        format: PackageFormat::Package,
    };
    let reference = format!("{registry}/a@sha256:{}", "0".repeat(64));
    let fetcher = fetcher();
    let pushed = fetcher.push(&reference, Bytes::from_static(PACKAGE), &label);
    assert_eq!(pushed.await.unwrap_err().code().name, "invalid_input");
}
